"""The links of posts: which of them are worth a look, looking (the worker), and what came of it.

A link is asked about when a post that holds it is saved; the worker looks at it outside of any transaction, guarded
against private networks (`connectors/link_check.py`), and again each day while something is planned with it.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import defer
from sqlmodel import Session, col

from core import db, lease
from core.connectors import link_check
from core.connectors.link_check import LinkReport
from core.lease import Claim
from core.models.planning import Delivery, DeliveryState, Post
from core.models.planning_sources import WebLink
from core.services.utm import links_in

MOST_IN_POST = 20  # links of one text that are looked at
MOST_LENGTH = 2000  # characters of an address
FRESH = timedelta(hours=24)  # a look holds for so long …
AGAIN_SOON = timedelta(minutes=10)  # … and after a fault that may pass, for so long
TRIES = 4
KEPT = timedelta(days=60)  # since a post last held it
AT_ONCE = 4
LEASE_SECONDS = 60.0
SOON = timedelta(hours=48)  # what goes out within is looked at again

_BLANK = {"said": "", "title": "", "description": "", "image_type": ""}

Look = Callable[[str], LinkReport]


@dataclass(frozen=True)
class Card:
    """A link as networks show it. `image` is a small JPEG."""

    url: str
    title: str
    description: str
    image: bytes | None


@dataclass(frozen=True)
class LinkState:
    """What is known of a link. `ok` None: not looked at yet (`checked_at` None), or it can't be told (`said` why)."""

    url: str
    ok: bool | None
    said: str
    checked_at: datetime | None


def cards(session: Session, urls: Collection[str]) -> dict[str, Card]:
    """The cards of links, by address; of a link that has none, or wasn't looked at yet, nothing. One statement."""
    rows = session.execute(select(WebLink).where(col(WebLink.url).in_(urls), col(WebLink.title) != "")).scalars()
    return {row.url: Card(row.url, row.title, row.description, row.image) for row in rows}


def states(session: Session, urls: Collection[str]) -> dict[str, LinkState]:
    """What is known of links, by address; nothing of those never asked about. One statement."""
    rows = session.execute(
        select(col(WebLink.url), col(WebLink.ok), col(WebLink.said), col(WebLink.checked_at)).where(
            col(WebLink.url).in_(urls)
        )
    )
    return {url: LinkState(url, ok, said, checked_at) for url, ok, said, checked_at in rows}


def worth_a_look(texts: Iterable[str]) -> list[str]:
    """The links of texts, each once; no more than `MOST_IN_POST`."""
    found = dict.fromkeys(url for text in texts for url in links_in(text) if len(url) <= MOST_LENGTH)
    return list(found)[:MOST_IN_POST]


def ask(session: Session, texts: Iterable[str]) -> None:
    """Have the links of these texts looked at, unless that was done within a day. Two statements at most."""
    _ask(session, worth_a_look(texts))


def _ask(session: Session, urls: Collection[str]) -> None:
    if not urls:
        return
    now = db.utc_now()
    known = select(WebLink).where(col(WebLink.url).in_(urls)).options(defer(WebLink.image))  # type: ignore[arg-type]
    there = {row.url: row for row in session.execute(known).scalars()}
    new = [{"url": url, "asked_at": now, "due_at": now, "attempts": 0} for url in urls if url not in there]
    if new:  # somebody else may ask about the same one at this moment
        added = db.upsert(session, WebLink.__table__).values([_BLANK | one for one in new])  # type: ignore[attr-defined]
        session.execute(added.on_conflict_do_nothing())
    for row in there.values():
        row.asked_at = now
        if row.due_at is None and (row.checked_at is None or row.checked_at < now - FRESH):
            row.due_at, row.attempts = now, 0


# --- the worker -------------------------------------------------------------------------------------------------------


def check_due(look: Look = link_check.check, limit: int = AT_ONCE) -> int:
    """Look at up to `limit` links that are due, one after another; gives how many."""
    with db.read() as session:
        due = select(col(WebLink.id)).where(col(WebLink.due_at) <= db.utc_now()).limit(1)
        if session.execute(due).first() is None:
            return 0
    with db.write() as session:
        claims = lease.claim(session, WebLink, (), limit, LEASE_SECONDS * limit)
    for claimed in claims:
        _check(claimed, look)
    return len(claims)


def _check(claimed: Claim, look: Look) -> None:
    with db.read() as session:
        row = lease.hold(session, WebLink, claimed)
        if row is None:
            return
        url = row.url
    report = look(url)
    with db.write() as session:
        row = lease.hold(session, WebLink, claimed)
        if row is not None:
            _keep(row, report)


def _keep(row: WebLink, report: LinkReport) -> None:
    tries = row.attempts + 1
    lease.finish(row)
    row.checked_at, row.ok, row.status, row.said = db.utc_now(), report.ok, report.status, report.said[:300]
    if report.again and tries < TRIES:
        row.attempts, row.due_at = tries, db.utc_now() + AGAIN_SOON
    if report.ok:
        row.title, row.description = report.title[:300], report.description[:1000]
        row.image, row.image_type = report.image, "image/jpeg" if report.image else ""


def look_after_links() -> None:
    """Each hour: have the links of what goes out soon looked at again, and forget those nothing holds any more."""
    with db.write() as session:
        soon = db.utc_now() + SOON
        rows = session.execute(
            select(col(Post.text), col(Delivery.text))
            .join(Delivery, col(Delivery.post_id) == col(Post.id))
            .where(col(Delivery.state) == DeliveryState.SCHEDULED, col(Delivery.due_at) <= soon)
            .limit(500)
        ).all()
        said = {variant if variant is not None else text for text, variant in rows}
        _ask(session, {url for text in said for url in worth_a_look([text])})
        session.execute(delete(WebLink).where(col(WebLink.asked_at) < db.utc_now() - KEPT))
