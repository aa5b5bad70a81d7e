"""Preflight: everything that can be known to be wrong with a post before it goes out. Errors block, warnings ask.

Composer and scheduler ask the same: `examine` judges what is typed, `findings` what is stored. Links are looked at by
the worker (`weblinks.py`); here only what came of it is read. Nothing is asked of a network.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlmodel import Session, col

from core import db
from core.connectors.base import Draft, Limits, Severity
from core.models.analytics import Publication
from core.models.channel import Channel
from core.models.planning import Campaign, Delivery, DeliveryState, Post, PostState
from core.services import weblinks
from core.services.plan_drafts import drafts_of, problems_for
from core.services.preflight_words import is_labelled, most_alike, normal, unreadable_hashtags, words_of

NEAR = timedelta(hours=1)
REMEMBERED = timedelta(days=90)
MOST_COMPARED = 2000  # texts
GOES_OUT = (DeliveryState.SCHEDULED, DeliveryState.SENDING, DeliveryState.CHECKING, DeliveryState.PUBLISHED)
SAID = (PostState.APPROVED, PostState.SCHEDULED, PostState.PUBLISHED, PostState.NEEDS_CARE)


@dataclass(frozen=True)
class Finding:
    """One thing that isn't right: a sentence that says what to do. `channel_id` None: of the post as a whole."""

    severity: Severity
    code: str  # "limits", "alt", "link", "duplicate", "clash", "hashtag", "label"
    message: str
    channel_id: int | None = None


@dataclass(frozen=True)
class Where:
    """A channel as far as it matters here."""

    handle: str
    network: str
    limits: Limits


@dataclass(frozen=True)
class Subject:
    """What is judged. `drafts` and `channels` by channel; `post_id` None: it isn't stored yet."""

    drafts: Mapping[int, Draft]
    channels: Mapping[int, Where]
    at: datetime | None = None
    post_id: int | None = None
    recurrence_id: int | None = None
    paid: bool = False  # its campaign is advertising
    language: str | None = None


def findings(session: Session, post: Post, drafts: Mapping[int, Draft] | None = None) -> tuple[Finding, ...]:
    """All there is to say about a stored post, errors first. A constant number of statements.

    `drafts`: of what waits to go out, by delivery, where somebody has made them already.
    """
    rows = session.execute(
        select(Delivery, Channel)
        .join(Channel, col(Channel.id) == col(Delivery.channel_id))
        .where(col(Delivery.post_id) == post.id, col(Delivery.state).in_([DeliveryState.DRAFT, *GOES_OUT]))
        .order_by(col(Delivery.id))
    ).all()
    waiting = [(d, c) for d, c in rows if d.state in (DeliveryState.DRAFT, DeliveryState.SCHEDULED)]
    if drafts is None:
        drafts = drafts_of(session, [d for d, _ in waiting])
    campaign = session.get(Campaign, post.campaign_id) if post.campaign_id else None
    return examine(
        session,
        Subject(
            drafts={d.channel_id: drafts[d.id] for d, _ in waiting if d.id in drafts},
            channels={c.id: Where(c.handle, c.network, Limits.from_json(c.limits)) for _, c in waiting},
            at=post.planned_at,
            post_id=post.id,
            recurrence_id=post.recurrence_id,
            paid=campaign is not None and campaign.paid,
            language=post.language,
        ),
    )


def examine(session: Session, subject: Subject) -> tuple[Finding, ...]:
    """All there is to say, errors first, each thing once however many channels it concerns. At most four statements."""
    found = [
        *_limits(subject),
        *_labels(subject),
        *_hashtags(subject),
        *_links(session, subject),
        *_clashes(session, subject),
        *_duplicates(session, subject),
    ]
    once: dict[tuple[Severity, str], Finding] = {}
    for one in found:
        once.setdefault((one.severity, one.message), one)
    return tuple(sorted(once.values(), key=lambda one: one.severity is not Severity.ERROR))


# --- what is seen without asking --------------------------------------------------------------------------------------


def _limits(subject: Subject) -> Iterator[Finding]:
    """Text and media beyond what a channel takes, and alt texts: what the channels agree on is said once."""
    told: dict[tuple[Severity, str], list[int]] = {}
    for channel_id, draft in subject.drafts.items():
        where = subject.channels[channel_id]
        for problem in problems_for(where.network, where.limits, draft):
            told.setdefault((problem.severity, f"{problem.where(draft)}{problem.message}"), []).append(channel_id)
    for (severity, message), ids in told.items():
        everywhere = len(ids) == len(subject.drafts)
        code = "alt" if "no alt text" in message else "limits"
        if everywhere and (code == "alt" or len(ids) == 1):
            yield Finding(severity, code, message, ids[0] if len(ids) == 1 else None)
        else:
            names = ", ".join(subject.channels[i].handle for i in ids)
            yield Finding(severity, code, f"{names}: {message}", ids[0] if len(ids) == 1 else None)


def _labels(subject: Subject) -> Iterator[Finding]:
    if not subject.paid:
        return
    bare = [i for i, draft in subject.drafts.items() if not is_labelled(draft.parts[0].text, subject.language)]
    if bare:
        names = "" if len(bare) == len(subject.drafts) else f" ({', '.join(subject.channels[i].handle for i in bare)})"
        yield Finding(
            Severity.ERROR,
            "label",
            f"The campaign is paid, so the text must begin with “Anzeige” or “Werbung”{names}. Add the label.",
            bare[0] if len(bare) == 1 else None,
        )


def _hashtags(subject: Subject) -> Iterator[Finding]:
    texts = dict.fromkeys(part.text for draft in subject.drafts.values() for part in draft.parts)
    known = {word for text in texts for word in words_of(text) if f"#{word}" not in text.casefold()}
    for text in texts:
        for tag, readable in unreadable_hashtags(text, known):
            yield Finding(
                Severity.WARNING,
                "hashtag",
                f"Screen readers can't read {tag}. If it is several words, write {readable}.",
            )


# --- what the database knows ------------------------------------------------------------------------------------------


def _links(session: Session, subject: Subject) -> Iterator[Finding]:
    urls = weblinks.worth_a_look(part.text for draft in subject.drafts.values() for part in draft.parts)
    if not urls:
        return
    for url, state in weblinks.states(session, urls).items():
        if state.ok is False:
            yield Finding(Severity.WARNING, "link", f"{_short(url)} leads nowhere: {state.said}")
        elif state.ok is None and state.checked_at is not None:
            yield Finding(Severity.WARNING, "link", f"{_short(url)} could not be checked: {state.said}")


def _short(url: str) -> str:
    bare = url.split("://", maxsplit=1)[-1].split("?", maxsplit=1)[0].rstrip("/")
    return bare if len(bare) <= 60 else f"{bare[:59]}…"


def _clashes(session: Session, subject: Subject) -> Iterator[Finding]:
    """Another post on the same channel within the hour."""
    if subject.at is None or not subject.channels:
        return
    first, last = subject.at - NEAR, subject.at + NEAR
    near = or_(
        and_(col(Delivery.due_at) > first, col(Delivery.due_at) < last),
        and_(col(Delivery.published_at) > first, col(Delivery.published_at) < last),
    )
    rows = session.execute(
        select(col(Delivery.channel_id), col(Post.title), col(Post.text), col(Post.planned_at))
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .where(
            col(Delivery.channel_id).in_(list(subject.channels)),
            col(Delivery.state).in_(GOES_OUT),
            near,
            col(Post.id) != (subject.post_id or 0),
        )
        .order_by(col(Post.planned_at))
        .limit(20)
    ).all()
    seen: set[int] = set()
    for channel_id, title, text, at in rows:
        if channel_id not in seen:
            seen.add(channel_id)
            apart = "at the same time" if at is None else _apart(at, subject.at)
            name = title or " ".join(text.split())[:50]
            yield Finding(
                Severity.WARNING,
                "clash",
                f"{subject.channels[channel_id].handle} publishes “{name}” {apart}. Move one of them.",
                channel_id,
            )


def _apart(one: datetime, other: datetime) -> str:
    minutes = round(abs((one - other).total_seconds()) / 60)
    if minutes == 0:
        return "at the same time"
    return f"{minutes} min {'before' if one < other else 'after'}"


def _duplicates(session: Session, subject: Subject) -> Iterator[Finding]:
    """A post of the last 90 days, or one to come, that says nearly the same on one of these channels.

    A post that comes again is meant to say the same: its own copies and what they were made of don't count.
    """
    mine = {normal(draft.parts[0].text) for draft in subject.drafts.values()} - {""}
    if not mine or not subject.channels:
        return
    others = [*_planned_texts(session, subject), *_published_texts(session, subject)]
    texts = [normal(text) for text, _ in others]
    best = max(
        (match for text in mine if (match := most_alike(text, texts)) is not None), key=lambda m: m[1], default=None
    )
    if best is not None:
        when = others[best[0]][1]
        day = f"{when:%d %b %Y}" if when else "a draft without a time"
        yield Finding(
            Severity.WARNING,
            "duplicate",
            f"Nearly the same was planned or published here: {day} ({best[1]:.0f} % alike). Say it in other words.",
        )


def _planned_texts(session: Session, subject: Subject) -> list[tuple[str, datetime | None]]:
    where: list[Any] = [
        col(Delivery.channel_id).in_(list(subject.channels)),
        col(Post.planned_at) > db.utc_now() - REMEMBERED,
        col(Post.state).in_(SAID),
        col(Post.id) != (subject.post_id or 0),
    ]
    if subject.recurrence_id is not None:
        where.append(or_(col(Post.recurrence_id).is_(None), col(Post.recurrence_id) != subject.recurrence_id))
    rows = session.execute(
        select(func.coalesce(col(Delivery.text), col(Post.text)), col(Post.planned_at))
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .where(*where)
        .order_by(col(Post.planned_at).desc())
        .limit(MOST_COMPARED)
    ).all()
    return [(text, at) for text, at in rows]


def _published_texts(session: Session, subject: Subject) -> list[tuple[str, datetime | None]]:
    """What was written at the network itself; the hub's own posts are in the plan."""
    rows = session.execute(
        select(col(Publication.text), col(Publication.published_at))
        .where(
            col(Publication.channel_id).in_(list(subject.channels)),
            col(Publication.published_at) > db.utc_now() - REMEMBERED,
            col(Publication.delivery_id).is_(None),
            col(Publication.deleted_at).is_(None),
        )
        .order_by(col(Publication.published_at).desc())
        .limit(MOST_COMPARED)
    ).all()
    return [(text, at) for text, at in rows]


def is_paid(session: Session, campaign: str) -> bool:
    """Whether the campaign of that name is advertising; a new one isn't until somebody says so."""
    if not campaign.strip():
        return False
    paid = select(col(Campaign.paid)).where(col(Campaign.name) == campaign.strip())
    return bool(session.execute(paid).scalar_one_or_none())


def of_one(found: Collection[Finding], severity: Severity) -> list[Finding]:
    """Those of one severity."""
    return [one for one in found if one.severity is severity]
