"""Uploaded images and videos: looked at, kept once, private, and cleared away when nobody needs them."""

import os
import stat
import time
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlmodel import select

from core import db
from core.connectors.base import Limits
from core.errors import PermissionDenied, UserError
from core.models.inbox import Direction
from core.models.planning import MediaAsset, MediaKind
from core.models.planning_work import ComposerDraft, PostVersion
from core.models.team import Role
from core.services import media, media_cleaning, media_image, media_views, planning
from tests import factories, videos


def picture(kind="PNG", size=(40, 30)):
    out = BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


def store(data, name="bild.png", actor=None):
    actor = actor or factories.actor()
    with db.write() as session:
        return media.store_image(session, actor, data, name)


def test_an_image_is_kept_once_under_its_checksum_for_the_hub_only(hub):
    first, again = store(picture()), store(picture(), "kopie.png")
    assert first == again
    with db.read() as session:
        asset = session.get(MediaAsset, first)
    path = media.media_path(asset.sha256, asset.mime)
    assert path.read_bytes() == picture() and (asset.width, asset.height) == (40, 30)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("data", [b"", b"<svg onload=alert(1)>", b"GIF89a broken", b"%PDF-1.4"])
def test_what_is_no_image_is_refused_with_a_sentence(hub, data):
    with pytest.raises(UserError, match="no image"):
        store(data)


def test_a_name_proves_nothing(hub):
    number = store(picture("JPEG"), "../../etc/passwd.png")
    with db.read() as session:
        asset = session.get(MediaAsset, number)
    assert asset.mime == "image/jpeg" and asset.filename == "passwd.png"


def test_too_large_and_too_many_pixels(hub, monkeypatch):
    monkeypatch.setattr(media, "MOST_BYTES", 10)
    with pytest.raises(UserError, match="larger than"):
        store(picture())
    monkeypatch.setattr(media, "MOST_BYTES", 10**9)
    monkeypatch.setattr(media_image, "MOST_PIXELS", 100)
    with pytest.raises(UserError, match="too many pixels"):
        store(picture())


def test_a_viewer_uploads_nothing(hub):
    with pytest.raises(PermissionDenied):
        store(picture(), actor=factories.actor(Role.VIEWER))


def test_a_photo_held_sideways_has_the_size_that_people_see(hub):
    told = Image.Exif()
    told[0x0112] = 6
    out = BytesIO()
    Image.new("RGB", (40, 30)).save(out, "JPEG", exif=told)
    number = store(out.getvalue(), "hochkant.jpg")
    with db.read() as session:
        asset = session.get(MediaAsset, number)
    assert (asset.width, asset.height) == (30, 40)


# --- videos ---------------------------------------------------------------------------------------------------------


def keep(path: Path, actor=None) -> MediaAsset:
    actor = actor or factories.actor()
    with path.open("rb") as file:
        looked = media.look_at(actor, file, path.name)
    with db.write() as session:
        number = media.keep(session, actor, looked)
    with db.read() as session:
        return session.get(MediaAsset, number)


def file_of(asset: MediaAsset) -> Path:
    return media.media_path(asset.sha256, asset.mime)


def test_a_video_is_kept_with_its_measures_and_a_picture_and_tells_nothing(hub, tmp_path):
    source = videos.make(
        tmp_path / "Röstung.mp4", seconds=1.5, told={"location": "+52.5+013.4/", "title": "secret title"}
    )
    assert b"secret" in source.read_bytes() and b"loci" in source.read_bytes()
    asset = keep(source)
    assert (asset.kind, asset.mime, asset.width, asset.height) == (MediaKind.VIDEO, "video/mp4", 64, 48)
    assert asset.duration == pytest.approx(1.5, abs=0.1) and asset.frame_rate == 10
    kept = file_of(asset).read_bytes()
    assert b"secret" not in kept and b"loci" not in kept, "neither place nor title go out"
    assert asset.size == len(kept) and stat.S_IMODE(file_of(asset).stat().st_mode) == 0o600
    assert keep(source).id == asset.id
    with Image.open(media.poster_path(str(file_of(asset)))) as poster:
        assert poster.size == (64, 48)
    assert list(file_of(asset).parent.glob("upload*")) == [], "nothing is left lying about"


def test_a_film_of_a_phone_becomes_an_mp4_and_stays_upright(hub, tmp_path):
    import av

    asset = keep(videos.turned(videos.make(tmp_path / "a.mp4"), tmp_path / "b.mov"))
    assert asset.mime == "video/mp4" and (asset.width, asset.height) == (48, 64)
    with av.open(str(file_of(asset))) as opened:
        assert next(opened.decode(video=0)).rotation == -90, "players turn it as before"
    with Image.open(media.poster_path(str(file_of(asset)))) as poster:
        assert poster.size == (48, 64)


def test_webm_stays_webm(hub, tmp_path):
    assert keep(videos.make(tmp_path / "a.webm", codec="libvpx-vp9")).mime == "video/webm"


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_video_that_was_cut_off_is_refused(hub, tmp_path, part):
    data = videos.make(tmp_path / "a.webm", codec="libvpx-vp9", seconds=3).read_bytes()
    (tmp_path / "b.webm").write_bytes(data[: int(len(data) * part)])
    with pytest.raises(UserError, match="cut off"):
        keep(tmp_path / "b.webm")
    assert list(hub.joinpath("media").iterdir()) == []


def test_what_networks_dont_play_is_refused_with_what_to_do(hub, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"mpeg4.*Export it as MP4"):
        keep(videos.make(tmp_path / "a.mp4", codec="mpeg4"))
    small = videos.make(tmp_path / "b.mp4")
    monkeypatch.setattr(media, "MOST_VIDEO_BYTES", 100)
    with pytest.raises(UserError, match="larger than"):
        keep(small)
    with pytest.raises(UserError, match="no image"):
        store(small.read_bytes(), "b.mp4")  # an answer in the inbox takes images
    with pytest.raises(PermissionDenied):
        keep(small, factories.actor(Role.VIEWER))


def test_the_alt_text_used_last_is_known(hub):
    number, other, actor = store(picture()), store(picture(size=(9, 9))), factories.actor()
    for alt in ("Eine Tasse", "Eine Tasse Kaffee", " "):
        with db.write() as session:
            planning.create_post(session, actor, text="Moin", images=[(number, alt), (other, "")])
    with db.read() as session:
        assert media.last_alts(session, [number, other]) == {number: "Eine Tasse Kaffee"}


# --- what pages show ------------------------------------------------------------------------------------------------


def test_what_a_channel_gets_is_worked_out_aside_and_once(hub, monkeypatch):
    waiting: list[tuple[Future, tuple]] = []

    class Pool:
        def submit(self, work, *given):
            waiting.append((Future(), (work, *given)))
            return waiting[-1][0]

    monkeypatch.setattr(media_views, "_pool", Pool())
    with db.read() as session:
        (image,) = media.draft_images(session, [(store(picture(size=(300, 200))), "")])
    limits = Limits(image_pixels=15_000)
    assert not media_views.fitted(image, limits).known
    ((future, (work, *given)),) = waiting
    future.set_result(work(*given))
    got = media_views.fitted(replace(image, alt="other words"), limits)
    assert got.known and got.width * got.height <= 15_000 and got.size > 0 and len(waiting) == 1
    assert not media_views.fitted(image, Limits()).known, "another channel's limits are another question"


def test_it_is_really_worked_out(hub):
    with db.read() as session:
        (image,) = media.draft_images(session, [(store(picture(size=(301, 200))), "")])
    until = time.monotonic() + 20
    while not (got := media_views.fitted(image, Limits(image_pixels=15_001))).known and time.monotonic() < until:
        time.sleep(0.02)
    assert got.width * got.height <= 15_001 and not got.trouble
    gone = replace(image, path=f"{image.path}.gone")
    while not (got := media_views.fitted(gone, Limits())).known and time.monotonic() < until:
        time.sleep(0.02)
    assert "no longer there" in got.trouble


def test_a_small_picture_of_what_is_gone_is_none(hub, tmp_path):
    assert media_views.small(str(tmp_path / "gone.png")) == ""
    with db.read() as session:
        path = media.path_of(session, store(picture()))
    assert media_views.small(path).startswith("data:image/webp;base64,")


# --- what nobody uses ------------------------------------------------------------------------------------------------


def aged(number: int, days: int = 31) -> Path:
    """As if it had been uploaded so many days ago."""
    with db.write() as session:
        asset = session.get(MediaAsset, number)
        asset.created_at = db.utc_now() - timedelta(days=days)
        path = media.media_path(asset.sha256, asset.mime)
    _aged_file(path, days)
    return path


def _aged_file(path: Path, days: int = 31) -> None:
    at = (db.utc_now() - timedelta(days=days)).timestamp()
    os.utime(path, (at, at))


def images(count: int) -> list[int]:
    return [store(picture(size=(10 + n, 10)), f"{n}.png") for n in range(count)]


def test_only_what_is_old_and_used_nowhere_is_cleared_away(hub, tmp_path):
    actor = factories.actor()
    posted, remembered, typed, answered, young, unused = images(6)
    with db.write() as session:
        post = planning.create_post(session, actor, text="Moin", images=[(posted, "")])
        versions = {"images": [{"id": remembered, "alt": ""}]}
        session.add(PostVersion(post_id=post, number=99, action="post.change", content=versions))
        session.add(ComposerDraft(member_id=actor.id, place="new", content={"focal": {str(typed): None}}))
    talk = factories.conversation(factories.channel().id)
    factories.message(talk, "Danke!", direction=Direction.OUT, media=[{"media_id": answered, "alt": ""}])
    video = keep(videos.make(tmp_path / "a.mp4")).id
    paths = {number: aged(number) for number in (posted, remembered, typed, answered, unused, video)}
    aged(young, 29)
    poster = Path(media.poster_path(str(paths[video])))
    stray, fresh = paths[posted].with_name("f" * 64 + ".png"), paths[posted].with_name("upload.1.2")
    for path in (stray, fresh):
        path.write_bytes(b"x")
    _aged_file(stray)
    _aged_file(poster)

    assert media_cleaning.clear_away() == 4
    with db.read() as session:
        left = set(session.exec(select(MediaAsset.id)))
    assert left == {posted, remembered, typed, answered, young}
    assert not any(path.exists() for path in (paths[unused], paths[video], poster, stray)) and fresh.exists()
    assert all(paths[number].exists() for number in (posted, remembered, typed, answered))
    assert media_cleaning.clear_away() == 0


def test_what_is_uploaded_again_stays(hub):
    number, other = images(2)
    path = aged(number)
    assert store(path.read_bytes()) == number
    assert media_cleaning.clear_away() == 0 and path.exists()
    aged(other)
    actor = factories.actor()
    looked = media.look_at(actor, picture(size=(11, 10)), "again.png")  # on its way in, not an asset yet
    assert media_cleaning.clear_away() == 0
    with db.write() as session:
        assert media.keep(session, actor, looked) == other


def test_few_are_cleared_away_at_a_time_and_used_ones_bar_no_others(hub, monkeypatch):
    numbers = images(5)
    actor = factories.actor()
    with db.write() as session:
        session.add(ComposerDraft(member_id=actor.id, place="new", content={"images": numbers[:2]}))
    for number in numbers:
        aged(number)
    monkeypatch.setattr(media_cleaning, "AT_ONCE", 2)
    assert [media_cleaning.clear_away() for _ in range(3)] == [2, 1, 0]
