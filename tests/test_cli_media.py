"""Media on the command line: a video, what stays in sight, and what is refused with a sentence."""

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from core import db
from core.cli import app
from core.models.planning import MediaAsset, MediaKind, PostMedia
from tests import factories, videos
from tests.services.test_media import picture


def run(*words: str):
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "300"})


def scheduled(channel_id: int, *words: str):
    return run("post", "schedule", "--channel", str(channel_id), "--text", "Moin", "--at", "2031-07-01T09:30", *words)


def test_a_picture_goes_with_what_stays_in_sight(hub, tmp_path):
    channel = factories.channel()
    for name, size in (("a.png", (40, 30)), ("b.png", (41, 30))):
        (tmp_path / name).write_bytes(picture(size=size))
    both = ("--media", str(tmp_path / "a.png"), "--media", str(tmp_path / "b.png"))
    ran = scheduled(channel.id, *both, "--alt", "Tee", "--focus", "-", "--focus", "-0.5,0.25")
    assert ran.exit_code == 0, ran.output
    with db.read() as session:
        rows = session.exec(select(PostMedia).order_by(PostMedia.position)).all()
    assert [(m.alt, m.focal_x, m.focal_y) for m in rows] == [("Tee", None, None), ("", -0.5, 0.25)]


def test_a_video_is_taken_where_the_channel_takes_it(hub, tmp_path):
    clip = videos.make(tmp_path / "film.mp4")
    refused = scheduled(factories.channel().id, "--media", str(clip))
    assert refused.exit_code and "takes no video" in refused.output + str(refused.exception)
    from core.connectors.base import Limits

    taken = scheduled(factories.channel(limits=Limits(videos=1).to_json()).id, "--media", str(clip), "--alt", "Film")
    assert taken.exit_code == 0, taken.output
    with db.read() as session:
        assert [a.kind for a in session.exec(select(MediaAsset))] == [MediaKind.VIDEO]


@pytest.mark.parametrize(("focus", "sentence"), [("2,0", "from -1 to 1"), ("left", "two numbers")])
def test_a_point_that_is_none_is_said(hub, tmp_path, focus, sentence):
    (tmp_path / "a.png").write_bytes(picture())
    ran = scheduled(factories.channel().id, "--media", str(tmp_path / "a.png"), "--focus", focus)
    assert ran.exit_code and sentence in ran.output
