"""`kill -9` at each step of a delivery's life, on a server that honours replay and on one that doesn't.

The real worker over real HTTP. What must hold afterwards, by the server's own journal: accepted at most once; published
where that can be known; never lost in silence.
"""

from datetime import timedelta

import pytest
from PIL import Image
from sqlmodel import select

from core import db
from core.models.planning import Delivery, DeliveryState, MediaAsset, PostMedia
from core.services.media import media_path
from tests import factories
from tests.reliability.conftest import Stage

S = DeliveryState
pytestmark = pytest.mark.usefixtures("hurried")


@pytest.mark.parametrize(
    ("point", "honours"),
    [
        *(("claimed", False), ("prepared", False), ("accepted", False)),
        *(("sent", True), ("sent", False), ("answered", True), ("answered", False)),
    ],
)
def test_killed_where_the_truth_can_be_found_out(stage: Stage, point: str, honours: bool) -> None:
    stage.honour(honours)
    delivery = stage.plan(f"Killed when {point}, {honours}")
    stage.crash_at(point)
    stage.recover(process=point == "sent")
    assert stage.texts() == [f"Killed when {point}, {honours}"]
    assert stage.row(delivery).state is S.PUBLISHED
    assert stage.row(delivery).remote_id == stage.writes()[0]["status_id"]


def test_killed_before_sending_is_sent_where_replay_is_honoured(stage: Stage) -> None:
    delivery = stage.plan("Killed before sending")
    stage.crash_at("fixed")
    assert stage.row(delivery).state is S.SENDING
    stage.recover()
    assert stage.texts() == ["Killed before sending"]
    assert stage.row(delivery).state is S.PUBLISHED


def test_killed_before_sending_is_told_to_a_person_where_nothing_is_honoured(stage: Stage) -> None:
    stage.honour(False)
    delivery = stage.plan("Killed before sending, no replay")
    stage.crash_at("fixed")
    stage.recover()
    assert stage.texts() == []
    assert stage.row(delivery).state is S.UNCONFIRMED
    assert "may or may not be online" in (stage.row(delivery).last_error or "")


@pytest.mark.parametrize(
    ("point", "number", "honours"),
    [("accepted", 1, True), ("prepared", 2, False), ("sent", 2, False), ("answered", 3, True)],
)
def test_killed_in_the_middle_of_a_thread(stage: Stage, point: str, number: int, honours: bool) -> None:
    stage.honour(honours)
    texts = [f"{word} ({point})" for word in ("eins", "zwei", "drei")]
    delivery = stage.plan("\n---\n".join(texts))
    stage.crash_at(point, number)
    stage.recover()
    assert stage.texts() == texts
    assert stage.row(delivery).state is S.PUBLISHED


@pytest.mark.parametrize("point", ["looking", "looked"])
def test_killed_while_it_looks_for_a_lost_answer(stage: Stage, point: str) -> None:
    stage.honour(False)
    delivery = stage.plan(f"Killed while looking: {point}")
    stage.order("drop_after")
    stage.crash_at(point)
    stage.recover()
    assert stage.texts() == [f"Killed while looking: {point}"]
    assert stage.row(delivery).state is S.PUBLISHED


@pytest.mark.parametrize("point", ["fixed_again", "sent"])
def test_killed_while_it_sends_again(stage: Stage, point: str) -> None:
    delivery = stage.plan(f"Killed while sending again: {point}")
    stage.order("drop_before")
    stage.crash_at(point)
    stage.recover()
    assert stage.texts() == [f"Killed while sending again: {point}"]
    assert stage.row(delivery).state is S.PUBLISHED


@pytest.mark.parametrize("point", ["uploading", "uploaded"])
def test_killed_while_an_image_is_uploaded(stage: Stage, point: str) -> None:
    post = factories.post(text=f"Mit Bild, {point}")
    path = media_path("a" * 64, "image/png")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "red").save(path)
    with db.write() as session:
        image = MediaAsset(
            sha256="a" * 64, filename="rot.png", mime="image/png", size=path.stat().st_size, width=8, height=8
        )
        session.add(image)
        session.flush()
        session.add(PostMedia(post_id=post.id, media_id=image.id, alt="Rot"))
        due = db.utc_now() - timedelta(seconds=1)
        session.add(Delivery(post_id=post.id, channel_id=stage.channels[0], state=S.SCHEDULED, due_at=due))
    stage.crash_at(point)
    stage.recover()
    assert stage.texts() == [f"Mit Bild, {point}"]
    with db.read() as session:
        assert session.exec(select(Delivery.state)).one() is S.PUBLISHED
    connector = stage.connector()
    (newest,) = connector.own_posts(None, 1).items
    connector.close()
    assert [media.alt for media in newest.media] == ["Rot"]
