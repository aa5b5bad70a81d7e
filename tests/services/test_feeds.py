"""Feeds become drafts: each entry once, nothing old, whatever the feed, its server or the hub does meanwhile."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlmodel import select

from core import db
from core.connectors import feed_reader
from core.connectors.feed_reader import FeedRead
from core.connectors.http import Http
from core.errors import PermissionDenied, Rejected, RemoteGone, RetryLater, UserError
from core.models.planning import Delivery, Post, PostState
from core.models.planning_sources import FeedSource
from core.models.team import Member, Role
from core.services import feeds, planning
from core.services.feeds import SourceForm, draft_text
from core.services.team import Actor
from tests import factories

URL = "https://blog.example/feed.xml"
ITEM = """<item><guid>{n}</guid><title>Beitrag {n} &amp;amp; mehr</title><link>https://blog.example/{n}</link>
<description>&lt;p&gt;Mild &lt;b&gt;und&lt;/b&gt; fein&lt;script&gt;alert(1)&lt;/script&gt;&lt;/p&gt;</description>
<pubDate>Fri, 0{n} Jan 2027 09:00:00 +0100</pubDate></item>"""


def rss(*numbers: int) -> str:
    items = "".join(ITEM.format(n=n) for n in numbers)
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>Blog</title>{items}</channel></rss>'


def reading(answer: Any, **given: str) -> FeedRead:
    def handler(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer  # type: ignore[no-any-return]

    return feed_reader.read(URL, http=Http(URL, transport=httpx.MockTransport(handler)), **given)


def xml(text: str, **headers: str) -> httpx.Response:
    return httpx.Response(200, text=text, headers={"content-type": "application/rss+xml", **headers})


# --- reading ----------------------------------------------------------------------------------------------------------


def test_entries_are_plain_text_newest_first():
    found = reading(xml(rss(1, 3, 2), etag='"abc"', **{"last-modified": "Fri, 01 Jan 2027 08:00:00 GMT"}))
    assert (found.title, found.etag, found.modified) == ("Blog", '"abc"', "Fri, 01 Jan 2027 08:00:00 GMT")
    assert [entry.title for entry in found.entries] == ["Beitrag 3 & mehr", "Beitrag 2 & mehr", "Beitrag 1 & mehr"]
    assert found.entries[0].summary == "Mild und fein"
    assert found.entries[0].at is not None and found.entries[0].at.hour == 8


def test_an_atom_feed_and_a_relative_link():
    atom = (
        '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://blog.example/a/">'
        "<title>Atom</title><entry><id>urn:1</id><title>Eins</title><link href='eins'/></entry></feed>"
    )
    (entry,) = reading(xml(atom)).entries
    assert (entry.title, entry.link) == ("Eins", "https://blog.example/a/eins")


def test_a_feed_that_has_not_changed_is_not_read_again():
    def server(request: httpx.Request) -> httpx.Response:
        assert request.headers["if-none-match"] == '"abc"'
        return httpx.Response(304)

    assert reading(server, etag='"abc"').unchanged


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (xml("<html><body>Kein Feed</body></html>"), Rejected, "isn't an RSS or Atom feed"),
        (httpx.Response(404), RemoteGone, "isn't there"),
        (httpx.Response(503), RetryLater, "fault of its own"),
        (httpx.Response(403), Rejected, "doesn't let the hub"),
        (httpx.ConnectTimeout("slow"), RetryLater, "can't be reached"),
    ],
)
def test_what_is_no_feed_is_said(answer: Any, error: type[Exception], words: str):
    with pytest.raises(error, match=words):
        reading(answer)


def test_a_feed_on_a_private_network_is_not_read():
    with pytest.raises(Rejected, match="private network"):
        feed_reader.read("http://127.0.0.1:1/feed.xml")


# --- drafts -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def anna(hub: object) -> Actor:
    return factories.actor(Role.EDITOR)


def follow(anna: Actor, **values: Any) -> int:
    with db.write() as session:
        return feeds.add_source(session, anna, SourceForm(**({"url": URL} | values)))


def read(answer: Any) -> None:
    """As the worker does, now."""
    with db.write() as session:
        for row in session.exec(select(FeedSource).where(FeedSource.paused.is_(False))):  # type: ignore[attr-defined]
            row.due_at = db.utc_now()

    def reader(url: str, etag: str, modified: str) -> FeedRead:
        return reading(answer, etag=etag, modified=modified)

    feeds.read_due(reader)


def posts() -> list[Post]:
    with db.read() as session:
        return list(session.exec(select(Post).order_by(Post.id)))  # type: ignore[arg-type]


def test_what_was_there_before_is_old_but_for_the_newest(anna: Actor):
    channel = factories.channel()
    source = follow(anna, channel_ids=(channel.id,), campaign="Blog", template="{title}\n{summary}\n\n{link}")
    read(xml(rss(1, 2, 3)))
    (post,) = posts()
    assert post.text == "Beitrag 3 & mehr\nMild und fein\n\nhttps://blog.example/3"
    assert (post.state, post.origin, post.member_id) == (PostState.DRAFT, f"feed:{source}", anna.id)
    with db.read() as session:
        assert session.exec(select(Delivery.channel_id)).all() == [channel.id]
        (row,) = feeds.sources(session)
    assert (row.drafts, row.trouble, row.form.campaign) == (1, "", "Blog")


def test_each_new_entry_becomes_one_draft_and_a_deleted_one_stays_away(anna: Actor):
    follow(anna)
    read(xml(rss(1)))
    read(xml(rss(1, 2, 3)))
    assert [post.title for post in posts()] == [f"Beitrag {n} & mehr" for n in (1, 2, 3)]  # in the order they appeared
    with db.write() as session:
        planning.delete_post(session, anna, posts()[0].id)
    read(xml(rss(1, 2, 3)))
    assert len(posts()) == 2


def test_many_at_once_come_in_portions_without_losing_any(anna: Actor, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(feeds, "MOST_DRAFTS", 2)
    follow(anna)
    read(xml(rss(1), etag='"1"'))
    read(xml(rss(1, 2, 3, 4, 5, 6), etag='"2"'))
    assert len(posts()) == 3
    with db.read() as session:
        assert session.exec(select(FeedSource.etag)).one() == '"1"'  # it isn't read to its end yet
    for _ in range(2):
        read(xml(rss(1, 2, 3, 4, 5, 6), etag='"2"'))
    assert len(posts()) == 6


def test_two_workers_make_a_draft_once(anna: Actor):
    follow(anna)

    def server(_request: httpx.Request) -> httpx.Response:
        assert feeds.read_due(lambda *_: reading(xml(rss(1)))) == 0  # another worker meanwhile
        return xml(rss(1))

    read(server)
    assert len(posts()) == 1


def test_a_fault_is_told_and_mended_by_the_next_reading(anna: Actor):
    follow(anna)
    read(httpx.Response(503))
    with db.read() as session:
        (row,) = feeds.sources(session)
    assert "fault of its own" in row.trouble and row.due_at is not None
    assert timedelta(seconds=30) < row.due_at - db.utc_now() < timedelta(minutes=5)
    read(httpx.Response(404))
    with db.read() as session:
        (row,) = feeds.sources(session)
    assert row.due_at is not None and row.due_at > db.utc_now() + timedelta(hours=5)
    read(xml(rss(1)))
    with db.read() as session:
        assert feeds.sources(session)[0].trouble == ""


def test_paused_it_rests_and_removed_its_drafts_stay(anna: Actor):
    source = follow(anna)
    read(xml(rss(1)))
    with db.write() as session:
        feeds.pause_source(session, anna, source)
    read(xml(rss(1, 2)))
    assert len(posts()) == 1
    with db.write() as session:
        feeds.pause_source(session, anna, source, False)
    read(xml(rss(1, 2)))
    assert len(posts()) == 2
    with db.write() as session:
        feeds.delete_source(session, anna, source)
    assert len(posts()) == 2


def test_who_added_it_has_left_and_a_channel_is_gone(anna: Actor):
    channel = factories.channel()
    follow(anna, channel_ids=(channel.id,), name="Blog")
    with db.write() as session:
        session.get_one(Member, anna.id).disabled_at = db.utc_now()
        from core.models.channel import Channel, ChannelState

        session.get_one(Channel, channel.id).state = ChannelState.REMOVED
    read(xml(rss(1)))
    (post,) = posts()
    assert post.member_id is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"url": "blog.example"}, "begins with https"),
        ({"template": "immer gleich"}, "at least one of"),
        ({"channel_ids": (99,)}, "isn't connected"),
    ],
)
def test_what_is_wrong_is_said(anna: Actor, values: dict[str, Any], words: str):
    with pytest.raises(UserError, match=words):
        follow(anna, **values)


def test_a_feed_is_followed_once_and_only_by_who_may_plan(anna: Actor):
    follow(anna)
    with pytest.raises(UserError, match="followed already"):
        follow(anna)
    with pytest.raises(PermissionDenied):
        follow(factories.actor(Role.VIEWER), url="https://anders.example/feed")


def test_an_entry_is_never_read_as_a_template():
    entry = feed_reader.FeedEntry("h", "{link} {summary}", "https://a.example", "x" * 500, None)
    text = draft_text("{title} | {summary} | {link}", entry)
    assert text.startswith("{link} {summary} | xxx") and text.endswith("… | https://a.example")
