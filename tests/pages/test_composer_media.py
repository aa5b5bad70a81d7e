"""Images and video in the composer as a person meets them, and the preview that looks like each network."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from PIL import Image
from sqlalchemy import delete
from streamlit.testing.v1 import AppTest

from core import db
from core.connectors.base import Limits
from core.connectors.bluesky import LIMITS as BLUESKY_LIMITS
from core.models.planning import PostMedia
from core.models.planning_sources import WebLink
from core.services import media, media_views, planning
from core.services.media_views import Fitted
from core.services.planning import Changes
from core.services.team import Actor
from core.ui import focal_point, preview, preview_looks
from tests import factories, videos
from tests.pages.test_planning import button, editor, field, fill, opened, rows, said, table, writing

__all__ = ["editor", "table"]
TAKES = Limits(videos=1).to_json()
LINK = "https://www.example.org/kaffee/2026/roestung-im-norden"


def png(colour: str = "teal", size: tuple[int, int] = (40, 30)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What previews and the focal point were given to draw; a button `point` for a click into the picture."""
    given: dict[str, Any] = {}

    def focal(key: str, data: dict[str, Any], on_focus_change: Callable[[], None]) -> None:
        def click() -> None:
            st.session_state[key] = SimpleNamespace(focus=[-0.5, 2])
            on_focus_change()

        given["focal"] = data
        st.button("point", on_click=click)

    def card(key: str, data: dict[str, Any]) -> None:
        given.setdefault("cards", {})[data["handle"]] = data

    monkeypatch.setattr(focal_point, "_component", focal)
    monkeypatch.setattr(preview, "_component", card)
    monkeypatch.setattr(media_views, "fitted", lambda image, limits: Fitted(1600, 1200, 900_000))
    return given


def upload(page: AppTest, *files: tuple[str, bytes]) -> AppTest:
    page.file_uploader[0].set_value([(name, data, "application/octet-stream") for name, data in files]).run()
    assert not page.exception, page.exception
    return page


def press(page: AppTest, key: str) -> AppTest:
    next(b for b in page.button if str(b.key).endswith(key) or key in str(b.key)).click().run()
    assert not page.exception, page.exception
    return page


def images() -> list[tuple[int, str, float | None, float | None]]:
    return [(m.media_id, m.alt, m.focal_x, m.focal_y) for m in rows(PostMedia)]


def test_several_are_taken_put_in_order_described_and_saved(editor: Actor, drawn: dict[str, Any]):
    channel = factories.channel()
    page = fill(writing(), "Neu", channel.id)
    upload(page, ("eins.png", png()), ("zwei.png", png("red")), ("brief.txt.png", b"hello"))
    assert "is no image the hub can read" in said(page), "the others are kept all the same"
    upload(page, ("nochmal.png", png()))
    assert "is in this post already" in said(page)
    first, second = (m["src"] for m in drawn["cards"][channel.handle]["parts"][0]["media"])
    press(page, "later_1")
    assert [m["src"] for m in drawn["cards"][channel.handle]["parts"][0]["media"]] == [second, first]
    field(page.text_area, "Alt text of image 1").set_value("Rot").run()
    assert "3 of 1500 characters" in said(page) and "1600 × 1200, 0.9 MB" in said(page)
    button(page, "Save draft").click().run()
    assert images() == [(2, "Rot", None, None), (1, "", None, None)]


def test_what_stays_in_sight_is_clicked_on_saved_and_shown(editor: Actor, drawn: dict[str, Any]):
    heeds, deaf = factories.channel(), factories.channel("bluesky", limits=BLUESKY_LIMITS.to_json())
    page = upload(fill(writing(), "Neu", heeds.id, deaf.id), ("eins.png", png()))
    press(page, "_focus_1")
    assert "Bluesky crops around the middle" in said(page)
    button(page, "point").click().run()
    position = {handle: card["parts"][0]["media"][0]["position"] for handle, card in drawn["cards"].items()}
    assert position == {heeds.handle: "25.0% 0.0%", deaf.handle: "50.0% 50.0%"}
    button(page, "Save draft").click().run()
    assert images() == [(1, "", -0.5, 1.0)]
    press(page, "_focus_1")
    button(page, "Middle").click().run()
    button(page, "Save draft").click().run()
    assert images() == [(1, "", None, None)]


def test_a_video_stands_alone_and_is_shown_with_its_length(editor: Actor, drawn: dict[str, Any], tmp_path: Path):
    channel, none = factories.channel(limits=TAKES), factories.channel()
    clip = videos.make(tmp_path / "a.mp4", seconds=2).read_bytes()
    page = upload(fill(writing(), "Film", channel.id, none.id), ("film.mp4", clip))
    (shown,) = drawn["cards"][channel.handle]["parts"][0]["media"]
    assert shown["video"] and shown["duration"] == "0:02" and shown["src"].startswith("data:image/webp")
    assert "takes no video" in said(page) and "The video has no alt text" in said(page)
    upload(page, ("bild.png", png()))
    assert "Images and a video don't go into one post" in said(page)


def test_words_used_before_are_offered(editor: Actor, drawn: dict[str, Any]):
    with db.write() as session:
        number = media.store_image(session, editor, png(), "tasse.png")
        planning.create_post(session, editor, more=Changes(text="Alt", images=((number, "Eine *Tasse*"),)))
    channel = factories.channel()
    page = upload(fill(writing(), "Neu", channel.id), ("tasse.png", png()))
    press(page, "alt_again")
    assert field(page.text_area, "Alt text of image 1").value == "Eine *Tasse*"
    assert not any("As last time" in b.label for b in page.button)


def test_what_was_added_and_not_saved_is_there_again(editor: Actor, drawn: dict[str, Any]):
    channel = factories.channel()
    page = upload(fill(writing(), "Neu", channel.id), ("eins.png", png()), ("zwei.png", png("red")))
    press(page, "later_1")
    press(page, "_focus_1")
    button(page, "point").click().run()
    field(page.text_area, "Alt text of image 2").set_value("Blau").run()
    drawn["cards"].clear()
    page = writing()
    assert field(page.text_area, "Alt text of image 2").value == "Blau"
    shown = drawn["cards"][channel.handle]["parts"][0]["media"]
    assert [m["position"] for m in shown] == ["50.0% 50.0%", "25.0% 0.0%"]


def test_a_stored_post_comes_back_with_its_media(editor: Actor, drawn: dict[str, Any]):
    channel = factories.channel()
    with db.write() as session:
        number = media.store_image(session, editor, png(), "tasse.png")
        what = Changes(text="Alt", channel_ids=(channel.id,), images=((number, "Tasse"),), focal={number: (1.0, -1.0)})
        post = planning.create_post(session, editor, more=what)
    page = opened(plan_view="Write", post=str(post))
    assert field(page.text_area, "Alt text of image 1").value == "Tasse"
    assert drawn["cards"][channel.handle]["parts"][0]["media"][0]["position"] == "100.0% 100.0%"
    press(page, "_drop_")
    button(page, "Save draft").click().run()
    assert images() == []


# --- preview --------------------------------------------------------------------------------------------------------


def test_each_network_has_its_look_and_hostile_words_stay_words(editor: Actor, drawn: dict[str, Any]):
    one = factories.channel(name="<b>Röster</b>")
    other = factories.channel("bluesky", handle="kaffee.example", limits=BLUESKY_LIMITS.to_json())
    fill(writing(), f"<img src=x onerror=alert(1)> {LINK} #Kaffee\n---\nZwei", one.id, other.id)
    cards = drawn["cards"]
    assert {c["look"]["css"] for c in cards.values()} == {"mastodon", "bluesky"}
    first = cards[one.handle]["parts"][0]
    assert ["text", "<img src=x onerror=alert(1)> "] in first["pieces"] and ["tag", "#Kaffee"] in first["pieces"]
    assert ["link", "example.org/kaffee/2026/roestu…"] in first["pieces"]
    assert [part["place"] for part in cards[one.handle]["parts"]] == ["1 of 2", "2 of 2"]
    assert cards[one.handle]["name"] == "<b>Röster</b>" and cards[one.handle]["visibility"]["icon"] == "public"
    assert cards["@kaffee.example"]["visibility"] is None
    script = Path(preview.ASSETS / "preview.js").read_text()
    assert "innerHTML" not in script and "insertAdjacentHTML" not in script


def test_a_link_shows_its_card_once_it_was_fetched_and_none_beside_images(editor: Actor, drawn: dict[str, Any]):
    channel = factories.channel()
    page = fill(writing(), f"Neu: {LINK}", channel.id)
    assert drawn["cards"][channel.handle]["parts"][0]["card"] == {
        **{"host": "example.org", "title": "", "description": "", "image": ""}
    }
    with db.write() as session:
        session.execute(delete(WebLink))
        session.add(WebLink(url=LINK, title="Röstung", description="Im Norden", image=b"\xff\xd8", ok=True))
    page = fill(page, f"Ganz neu: {LINK}", channel.id)
    card = drawn["cards"][channel.handle]["parts"][0]["card"]
    assert card["title"] == "Röstung" and card["image"].startswith("data:image/jpeg;base64,")
    upload(page, ("eins.png", png()))
    assert drawn["cards"][channel.handle]["parts"][0]["card"] is None


def test_of_many_channels_one_is_chosen_and_the_light_can_be_changed(editor: Actor, drawn: dict[str, Any]):
    channels = [factories.channel() for _ in range(3)]
    page = fill(writing(), "Hallo", *[c.id for c in channels])
    assert set(drawn["cards"]) == {channels[0].handle} and not drawn["cards"][channels[0].handle]["dark"]
    field(page.selectbox, "Channel of the preview").set_value(channels[2].id).run()
    assert channels[2].handle in drawn["cards"]
    drawn["cards"].clear()
    next(c for c in page.button_group if c.label == "Light or dark").set_value([preview.DARK]).run()
    assert [card["dark"] for card in drawn["cards"].values()] == [True]


def test_a_network_without_a_look_gets_the_plain_one():
    assert preview_looks.look_of("something new").css == "plain"
    assert (preview_looks.clock(7.4), preview_looks.clock(750)) == ("0:07", "12:30")
    assert preview_looks.initials("Kaffee- und Rösterei Norden") == "KU" and preview_looks.initials("…") == "?"
