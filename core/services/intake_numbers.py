"""Our own posts and the numbers that came of them go into the tables here: publications with totals, snapshots.

Totals are stored as the network gives them; differences are for `analytics.py` to make.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, func, select, update
from sqlmodel import Session, col

from core.connectors.base import METRICS, RemoteMessage
from core.db import upsert, utc_now
from core.models.analytics import Publication, Snapshot
from core.models.channel import Channel
from core.models.planning import Delivery
from core.services.intake_rows import address, chunks, usable, words
from core.services.proof_marks import gone_in_sync, seen_in_sync

TOTALS = ("likes", "shares", "comments", "quotes", "reach")  # columns of Publication
YOUNG = timedelta(hours=48)  # while a post is that young, every change is kept
PAUSE = timedelta(hours=1)  # later, one snapshot an hour is enough
REPEAT = timedelta(days=7)  # an unchanged total is said again, so that nobody has to look back further


def store_posts(session: Session, channel: Channel, items: Sequence[RemoteMessage]) -> int:
    """Store our own posts with their newest totals, and what changed as snapshots; gives how many posts are new.

    A post that the hub sent is linked to its delivery.
    """
    own = {key: item for key, item in usable(items).items() if item.is_own}
    if not own:
        return 0
    before = _publications(session, channel.id, list(own))
    sent = _deliveries(session, channel.id, [key for key in own if key not in before or before[key][1] is None])
    now = utc_now()
    rows = [_row(channel.id, sent.get(key), item, now) for key, item in own.items()]
    newest = upsert(session, Publication.__table__)  # type: ignore[attr-defined]
    values = {name: newest.excluded[name] for name in ("text", "url", "deleted_at", "measured_at", *TOTALS)}
    values["delivery_id"] = func.coalesce(newest.excluded.delivery_id, Publication.__table__.c.delivery_id)  # type: ignore[attr-defined]
    session.execute(newest.on_conflict_do_update(index_elements=["channel_id", "remote_id"], set_=values), rows)
    after = _publications(session, channel.id, list(own))
    measured = {after[key][0]: (item.sent_at, item.metrics) for key, item in own.items()}
    _append(session, channel.id, measured, now)
    seen_in_sync(session, channel.id, {row[1] for row in after.values() if row[1] is not None}, own)
    return len(own.keys() - before.keys())


def store_metrics(
    session: Session, channel: Channel, asked: Iterable[str], found: Mapping[str, Mapping[str, int]]
) -> int:
    """Store totals of known posts, by remote id. What was asked for and isn't in the answer is gone; gives how many."""
    known = _publications(session, channel.id, list(asked))
    gone = [row_id for key, (row_id, *_) in known.items() if key not in found]
    now = utc_now()
    table: Any = Publication.__table__  # type: ignore[attr-defined]
    for some in chunks(gone):
        session.execute(update(table).where(table.c.id.in_(some)).values(deleted_at=now))
    gone_in_sync(session, channel.id, {row[1] for key, row in known.items() if key not in found and row[1] is not None})
    seen_in_sync(
        session, channel.id, {row[1] for key, row in known.items() if key in found and row[1] is not None}, found
    )
    there = {key: known[key] for key in found if key in known}
    if there:
        session.execute(
            update(table)
            .where(table.c.id == bindparam("key"))
            .values({"measured_at": now} | {n: func.coalesce(bindparam(f"n_{n}"), table.c[n]) for n in TOTALS}),
            [{"key": row[0]} | {f"n_{n}": found[key].get(n) for n in TOTALS} for key, row in there.items()],
        )
        _append(session, channel.id, {row[0]: (row[2], found[key]) for key, row in there.items()}, now)
    return len(gone)


def store_channel_metrics(session: Session, channel: Channel, metrics: Mapping[str, int]) -> None:
    """Append the channel's totals that changed since their last snapshot (or weren't noted for a week)."""
    own = (col(Snapshot.channel_id) == channel.id, col(Snapshot.publication_id).is_(None))
    last = _last_snapshots(session, *own, of_posts=False)
    now = utc_now()
    changed = []
    for name, value in metrics.items():
        known = last.get((None, name))
        if name in METRICS and (known is None or known[0] != value or known[1] <= now - REPEAT):
            changed.append(_snapshot(channel.id, None, name, value, now))
    _insert(session, changed)


def _row(channel_id: int, delivery_id: int | None, item: RemoteMessage, now: datetime) -> dict[str, Any]:
    totals: dict[str, int | None] = {name: item.metrics.get(name, 0) for name in TOTALS}
    totals["reach"] = item.metrics.get("reach")  # None: the network doesn't tell
    return {
        "channel_id": channel_id,
        "delivery_id": delivery_id,
        "remote_id": item.remote_id,
        "text": words(item.text),
        "url": address(item.url),
        "published_at": item.sent_at,
        "deleted_at": None,
        "measured_at": now,
    } | totals


def _publications(session: Session, channel_id: int, remote_ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """(id, delivery_id, published_at) by remote id."""
    p = Publication
    found: dict[str, tuple[Any, ...]] = {}
    for some in chunks(remote_ids):
        there = (col(p.channel_id) == channel_id, col(p.remote_id).in_(some))
        rows = session.execute(select(p.remote_id, p.id, p.delivery_id, p.published_at).where(*there))  # type: ignore[call-overload]
        found |= {row[0]: tuple(row[1:]) for row in rows}
    return found


def _deliveries(session: Session, channel_id: int, remote_ids: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in chunks(remote_ids):
        rows: Any = session.execute(
            select(col(Delivery.remote_id), col(Delivery.id)).where(
                col(Delivery.channel_id) == channel_id,
                col(Delivery.remote_id).in_(some),
                col(Delivery.post_id).is_not(None),
            )
        )
        found |= dict(rows.all())
    return found


def _append(
    session: Session, channel_id: int, measured: Mapping[int, tuple[datetime, Mapping[str, int]]], now: datetime
) -> None:
    """Snapshots of posts, by publication id: (published at, totals)."""
    last: dict[tuple[int | None, str], tuple[int, datetime]] = {}
    for some in chunks(list(measured)):
        last |= _last_snapshots(session, col(Snapshot.publication_id).in_(some), of_posts=True)
    rows = [
        _snapshot(channel_id, post, name, value, now)
        for post, (published_at, totals) in measured.items()
        for name, value in totals.items()
        if name in METRICS and _worth_keeping(last.get((post, name)), value, published_at, now)
    ]
    _insert(session, rows)


def _worth_keeping(last: tuple[int, datetime] | None, value: int, published_at: datetime, now: datetime) -> bool:
    if last is None:
        return True
    return last[0] != value and (published_at > now - YOUNG or last[1] <= now - PAUSE)


def _last_snapshots(
    session: Session, *where: Any, of_posts: bool
) -> dict[tuple[int | None, str], tuple[int, datetime]]:
    """(value, at) of the newest snapshot by (publication id, metric)."""
    s = Snapshot
    newest = (
        select(
            col(s.channel_id).label("channel_id"),
            col(s.publication_id).label("publication_id"),
            col(s.metric).label("metric"),
            func.max(col(s.at)).label("at"),
        )
        .where(*where)
        .group_by(col(s.channel_id), col(s.publication_id), col(s.metric))
        .subquery()
    )
    same = [getattr(s, name) == newest.c[name] for name in ("channel_id", "metric", "at")]
    if of_posts:
        same.append(col(s.publication_id) == newest.c.publication_id)
    rows = session.execute(
        select(s.publication_id, s.metric, s.value, s.at).join(newest, and_(*same)).where(*where)  # type: ignore[call-overload]
    )
    return {(post, metric): (value, at) for post, metric, value, at in rows}


def _snapshot(channel_id: int, post: int | None, metric: str, value: int, now: datetime) -> dict[str, Any]:
    return {"channel_id": channel_id, "publication_id": post, "metric": metric, "value": value, "at": now}


def _insert(session: Session, rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(upsert(session, Snapshot.__table__), rows)  # type: ignore[attr-defined]
