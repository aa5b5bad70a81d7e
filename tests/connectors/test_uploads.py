"""Images and videos on their way out: focal points, patience with videos, what a channel takes."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from core.connectors import mastodon_media
from core.connectors import mastodon_posts as posts
from core.connectors.base import Draft, DraftImage, DraftPart, Limits, Problem, Severity
from core.connectors.bluesky import LIMITS as BLUESKY_LIMITS
from core.connectors.bluesky import Bluesky
from core.connectors.http import Http, upload_seconds
from core.connectors.judging import validate
from core.connectors.mastodon import Mastodon
from core.errors import Rejected, RetryLater
from tests import videos

TAKES = Limits(videos=1)


def image(path: Path, **values: object) -> DraftImage:
    from PIL import Image

    Image.new("RGB", (40, 30), "teal").save(path)
    return DraftImage(str(path), "image/png", path.stat().st_size, 40, 30, alt="Tee", **values)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> DraftImage:
    path = videos.make(tmp_path_factory.mktemp("videos") / "a.mp4")
    return DraftImage(
        *(str(path), "video/mp4", path.stat().st_size, 64, 48), alt="Es dampft", duration=1.0, frame_rate=10
    )


class Server:
    """Takes uploads as a Mastodon does, and remembers the requests."""

    def __init__(self, *, looks: int = 0, oldest: bool = False) -> None:
        self.looks, self.oldest, self.seen = looks, oldest, []  # type: ignore[var-annotated]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((request.method, request.url.path, request.read()))
        if request.method == "POST" and self.oldest and "v2" in request.url.path:
            return httpx.Response(404)
        if request.method == "POST":
            done = not self.looks
            return httpx.Response(200 if done else 202, json={"id": "7", "url": "http://x/7" if done else None})
        self.looks -= 1
        return httpx.Response(206 if self.looks else 200, json={"id": "7", "url": None})

    @property
    def http(self) -> Http:
        return Http("https://social.example", transport=httpx.MockTransport(self))


def test_what_stays_in_sight_and_alt_text_go_with_the_image(tmp_path: Path):
    server = Server()
    assert mastodon_media.upload(server.http, image(tmp_path / "a.png", focus=(-0.5, 1.0)), Limits()) == "7"
    ((_, _, body),) = server.seen
    assert b'name="focus"\r\n\r\n-0.50,1.00\r\n' in body and b'name="description"\r\n\r\nTee\r\n' in body
    mastodon_media.upload(server.http, image(tmp_path / "b.png"), Limits())
    assert b"focus" not in server.seen[-1][2], "the server's own idea of the middle is left alone"


def test_a_video_goes_as_it_is_and_is_waited_for(video: DraftImage, monkeypatch: pytest.MonkeyPatch):
    naps: list[float] = []
    monkeypatch.setattr(mastodon_media.time, "sleep", naps.append)
    server = Server(looks=30)
    assert mastodon_media.upload(server.http, video, Limits()) == "7"
    assert Path(video.path).read_bytes() in server.seen[0][2] and b"Content-Type: video/mp4" in server.seen[0][2]
    assert mastodon_media.PATIENCE < sum(naps) <= mastodon_media.VIDEO_PATIENCE, "longer than an image is waited for"
    assert naps == sorted(naps) and naps[-1] <= mastodon_media.LONGEST_WAIT
    with pytest.raises(RetryLater, match="still working on the video"):
        mastodon_media.upload(Server(looks=10_000).http, video, Limits())


def test_an_old_server_gets_the_whole_video_once_more(video: DraftImage):
    server = Server(oldest=True)
    assert mastodon_media.upload(server.http, video, Limits()) == "7"
    assert [path for _, path, _ in server.seen] == ["/api/v2/media", "/api/v1/media"]
    assert Path(video.path).read_bytes() in server.seen[1][2]


def test_a_video_that_is_gone_is_said_in_a_sentence(video: DraftImage):
    with pytest.raises(Rejected, match="no longer there"):
        mastodon_media.upload(Server().http, replace(video, path="/nowhere.mp4"), Limits())


def test_uploads_and_waiting_end_before_the_claim_does():
    from core.lease import LONGEST_WORK

    assert upload_seconds(1000) < 65 < upload_seconds(100_000_000)
    assert upload_seconds(10**12) + mastodon_media.VIDEO_PATIENCE < LONGEST_WORK


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({"video_size_limit": 103_809_024, "supported_mime_types": ["image/png", "video/mp4"]}, (1, ("video/mp4",))),
        ({"video_size_limit": 5, "supported_mime_types": ["image/png"]}, (0, Limits().video_types)),
        ({"video_size_limit": 0}, (0, Limits().video_types)),
        ({}, (0, Limits().video_types)),
    ],
)
def test_what_a_server_says_of_videos(told: dict[str, object], wanted: tuple[int, tuple[str, ...]]):
    limits = posts.limits({"configuration": {"media_attachments": told}})
    assert (limits.videos, limits.video_types) == wanted
    assert Limits.from_json(limits.to_json()) == limits


def test_pleroma_has_one_limit_for_everything():
    limits = posts.limits({"upload_limit": 16_000_000})
    assert (limits.videos, limits.video_bytes) == (1, 16_000_000)


# --- what is said before it goes out ----------------------------------------------------------------


def said(*images: DraftImage, limits: Limits = TAKES, of: type[Mastodon] | type[Bluesky] = Mastodon) -> list[Problem]:
    return validate(of, Draft((DraftPart("Neu", images),)), limits)


def test_one_video_is_well(video: DraftImage):
    assert said(video) == [] and said(video, limits=BLUESKY_LIMITS, of=Bluesky) == []


@pytest.mark.parametrize(
    ("change", "limits", "sentence"),
    [
        ({}, Limits(), "takes no video"),
        ({"mime": "video/webm"}, BLUESKY_LIMITS, "is WebM. This channel takes MP4"),
        ({"size": 41_000_000}, TAKES, "41.0 MB, but at most 40 MB"),
        ({"duration": 181.0}, BLUESKY_LIMITS, "longer than 3 minutes"),
        ({"width": 3000, "height": 3000}, replace(TAKES, video_pixels=8_294_400), "too many pixels"),
        ({"frame_rate": 240}, replace(TAKES, video_frame_rate=120), "over 120 frames"),
        ({"alt": "x" * 1001}, BLUESKY_LIMITS, "over 1000 characters"),
    ],
)
def test_a_video_that_a_channel_wont_take_is_refused(video: DraftImage, change, limits: Limits, sentence: str):
    (problem,) = said(replace(video, **change), limits=limits)
    assert problem.severity is Severity.ERROR and sentence in problem.message


def test_videos_stand_alone_and_want_words(video: DraftImage, tmp_path: Path):
    picture = image(tmp_path / "a.png")
    assert "Images and a video" in said(video, picture)[0].message
    assert "only one fits" in said(video, video)[0].message
    (problem,) = said(replace(video, alt=" "))
    assert problem.severity is Severity.WARNING and "no alt text" in problem.message
    assert said(*[picture] * 4) == [], "a video's rules don't touch images"
