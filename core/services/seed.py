"""Bulk data for benchmarks: as many messages, posts and channels as asked for, of realistic text. Never for a real hub.

Rows go in by the table's own columns by `executemany`: a million messages in two minutes. The words are
the sandbox's, mixed anew for each message; the channels are paused and carry no credentials, so no worker touches them.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from core import db
from core.connectors.base import Limits
from core.errors import UserError
from core.sandbox.people import CONTACTS
from core.sandbox.texts import fill, slots, topics
from core.services.health import migrate

CHUNK = 20_000
PER_TALK = 4  # messages in a conversation, on average
MESSAGES_PER_CONTACT = 12
VARIANTS = 6  # of each sentence, with other names and numbers in it
HOW_MANY = (1, 1, 1, 1, 1, 1, 2, 2, 2, 3)  # sentences in a message
SPAN = timedelta(days=365)
STATES = ("open",) * 8 + ("pending",) * 3 + ("snoozed",) + ("resolved",) * 20
KINDS = ("comment", "comment", "mention", "direct")
LABELS = (  # name, colour, on one conversation in so many
    ("Rückgabe", "orange", 12),
    ("Liefertermin", "blue", 9),
    ("Großhandelsbestellung", "violet", 40),
    ("Presse", "gray", 160),
    ("Idee", "green", 25),
    ("Gewinnspielteilnahmebedingungen", "yellow", 300),
)
GOALS = ("support",) * 5 + ("inquiry",) * 4 + ("opinion",) * 3 + ("praise",) * 3 + ("complaint",) * 2 + (None,) * 5
MOODS = {"praise": ("positive",), "complaint": ("negative",)}
ANY_MOOD = ("neutral",) * 5 + ("positive",) * 3 + ("negative",) * 2
LANGUAGES = ("de",) * 14 + ("en",) * 5 + (None,)
PRIORITIES = ("normal",) * 16 + ("low",) * 2 + ("high",) * 3 + ("urgent",)
TARGET = timedelta(hours=4)
ANSWERED_HERE = 0.2  # of our messages; the others were written at the network itself

Tell = Callable[[str], None]


class Writer:
    """Invented sentences in German and English, reproducible."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - no secret
        said = [talk.text for topic in topics().values() for talks in topic.said.values() for talk in talks]
        self._sentences = [
            fill(words, slots(self.random, "brachvogel_kaffee")) for words in said for _ in range(VARIANTS)
        ]

    def message(self) -> str:
        """One to three sentences as somebody might write them, with a number now and then."""
        pick = self.random
        parts = [pick.choice(self._sentences) for _ in range(pick.choice(HOW_MANY))]
        if pick.random() < 0.2:
            parts.append(f"Bestellung {pick.randrange(10_000, 99_999)}.")
        return " ".join(parts)


def seed(messages: int, posts: int, channels: int, tell: Tell = lambda _: None) -> None:
    """Fill an empty hub. Raises `UserError` where there already is something to lose."""
    migrate()
    with db.read() as session:
        if session.execute(text("SELECT 1 FROM channel LIMIT 1")).first():
            raise UserError("This hub already has channels. Seed an empty one: set HUB_DATA_DIR to a new folder.")
    started = time.monotonic()
    writer = Writer(seed=7)
    newest = db.utc_now()
    with db.write() as session:
        ids = _channels(session, max(channels, 1))
    with db.write() as session:
        people = _contacts(session, max(messages // MESSAGES_PER_CONTACT, 60), newest)
        insert(session, "label", "id, name, color", [(i, *one[:2]) for i, one in enumerate(LABELS, start=1)])
        team = _team(session)
    _talks(writer, messages, ids, people, team, newest, tell)
    _posts(writer, posts, ids, newest, tell)
    with db.write() as session:
        session.execute(text("ANALYZE"))
    tell(f"{messages} messages, {posts} posts, {len(ids)} channels in {time.monotonic() - started:.0f} s.")


def insert(session: Session, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    """`executemany` of plain rows; `columns` is a list with commas. Names come from this file only."""
    names = [name.strip() for name in columns.split(",")]
    marks = ", ".join(f":{name}" for name in names)
    statement = text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})")  # noqa: S608 - our own names
    session.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])


def _channels(session: Session, count: int) -> list[int]:
    now = db.stored_time(db.utc_now())
    limits = json.dumps(Limits().to_json())
    insert(session, "channel_group", "id, name", [(1, "Kaffee"), (2, "Bikes")])
    rows = [
        (
            i,
            "mastodon",
            "https://seed.example",
            f"s{i}",
            f"@seed{i}@seed.example",
            f"Seed {i}",
            1 + i % 2,
            "paused",
            limits,
            now,
        )
        for i in range(1, count + 1)
    ]
    insert(
        session,
        "channel",
        "id, network, base_url, remote_id, handle, name, group_id, state, limits, created_at, is_sandbox",
        [(*row, False) for row in rows],
    )
    return [row[0] for row in rows]


def _contacts(session: Session, count: int, newest: datetime) -> list[int]:
    now = db.stored_time(newest)
    rows = []
    for i in range(1, count + 1):
        person = CONTACTS[i % len(CONTACTS)]
        handle = f"{person.username}{i}@{person.server or 'seed.example'}"
        rows.append(
            (i, "mastodon", handle, f"@{handle}", person.name, f"https://seed.example/@{i}", person.followers, now)
        )
    insert(session, "contact", "id, network, remote_id, handle, name, url, followers, first_seen_at", rows)
    return [row[0] for row in rows]


def _team(session: Session) -> list[int]:
    """Who may answer: the members there are. Without any, conversations are nobody's."""
    may = text("SELECT id FROM member WHERE disabled_at IS NULL AND role <> 'viewer' ORDER BY id")
    return list(session.execute(may).scalars())


@dataclass
class _Batch:
    """Rows on their way in."""

    talks: list[tuple[Any, ...]] = field(default_factory=list)
    entries: list[tuple[Any, ...]] = field(default_factory=list)
    labelled: list[tuple[int, int]] = field(default_factory=list)
    answers: list[tuple[Any, ...]] = field(default_factory=list)


def _talks(
    writer: Writer,
    messages: int,
    channels: list[int],
    people: list[int],
    team: list[int],
    newest: datetime,
    tell: Tell,
) -> None:
    """Conversations and their messages, oldest first, so that ids grow with time as they do in a hub that runs."""
    made = 0
    for batch in _drawn(writer, messages, channels, people, team, newest):
        with db.write() as session:
            insert(
                session,
                "conversation",
                "id, channel_id, remote_id, kind, contact_id, state, unread, message_count, preview, preview_direction,"
                "last_message_at, waiting_since, respond_by, warned_for, created_at, resolved_at, snoozed_until,"
                "assignee_id, priority, goal, sentiment, language",
                batch.talks,
            )
            insert(
                session,
                "message",
                "id, conversation_id, channel_id, contact_id, member_id, direction, remote_id, text, language,"
                "sentiment, triaged, sent_at",
                batch.entries,
            )
            if batch.answers:
                insert(
                    session,
                    "delivery",
                    "message_id, channel_id, state, published_at, remote_id, attempts, looks, created_at",
                    batch.answers,
                )
            if batch.labelled:
                insert(session, "conversation_label", "conversation_id, label_id", batch.labelled)
        made += len(batch.entries)
        tell(f"{made} of {messages} messages …")


def _drawn(
    writer: Writer, messages: int, channels: list[int], people: list[int], team: list[int], newest: datetime
) -> Iterator[_Batch]:
    pick = writer.random
    total = max(messages // PER_TALK, 1)
    step = SPAN / total
    batch, left, key = _Batch(), messages, 0
    for number in range(1, total + 1):
        count = left if number == total else min(pick.randint(1, 2 * PER_TALK - 1), left - (total - number))
        left -= count
        channel, person = pick.choice(channels), pick.choice(people)
        at = newest - SPAN + step * number
        worked = _worked(pick, team)
        for index in range(count):
            own, key = index % 3 == 2, key + 1
            sent = db.stored_time(at - timedelta(minutes=7 * (count - 1 - index)))
            who = (None, worked.owner, "out") if own else (person, None, "in")
            mood = (None, None) if own else (worked.language, worked.mood)
            words = writer.message()
            remote = f"s{number}.{index}"
            batch.entries.append((key, number, channel, *who, remote, words, *mood, True, sent))
            if own and pick.random() < ANSWERED_HERE:
                batch.answers.append((key, channel, "published", sent, remote, 1, 0, sent))
        batch.talks.append(_talk(pick, number, channel, person, worked, at, count, batch.entries[-1]))
        batch.labelled += [(number, key) for key in worked.labels]
        if len(batch.entries) >= CHUNK:
            yield batch
            batch = _Batch()
    if batch.entries:
        yield batch


@dataclass(frozen=True)
class _Worked:
    """What the team and the worker have made of a conversation."""

    state: str
    owner: int | None
    priority: str
    goal: str | None
    mood: str
    language: str | None
    labels: tuple[int, ...]


def _worked(pick: Random, team: list[int]) -> _Worked:
    state, goal = pick.choice(STATES), pick.choice(GOALS)
    taken = team and pick.random() < (0.4 if state == "open" else 0.9)
    return _Worked(
        state=state,
        owner=pick.choice(team) if taken else None,
        priority=pick.choice(PRIORITIES),
        goal=goal,
        mood=pick.choice(MOODS.get(goal or "", ANY_MOOD)),
        language=pick.choice(LANGUAGES),
        labels=tuple(i for i, (_, _, often) in enumerate(LABELS, start=1) if pick.randrange(often) == 0),
    )


def _talk(
    pick: Random,
    number: int,
    channel: int,
    person: int,
    worked: _Worked,
    at: datetime,
    count: int,
    last: tuple[Any, ...],
) -> tuple[Any, ...]:
    direction, words, sent = last[5], last[7], db.stored_time(at)
    waits = worked.state == "open" and direction == "in"
    unread = pick.randint(1, count) if waits and pick.random() < 0.3 else 0
    begun = db.stored_time(at - timedelta(minutes=7 * (count - 1)))
    snoozed = db.stored_time(at + timedelta(days=400 + pick.randrange(60))) if worked.state == "snoozed" else None
    return (
        *(number, channel, f"s{number}", pick.choice(KINDS), person, worked.state, unread, count, words[:200]),
        *(direction, sent, sent if waits else None, db.stored_time(at + TARGET) if waits else None),
        *(sent if waits else None, begun, sent if worked.state == "resolved" else None, snoozed),
        *(worked.owner, worked.priority, worked.goal, worked.mood, worked.language),
    )


def _posts(writer: Writer, posts: int, channels: list[int], newest: datetime, tell: Tell) -> None:
    """Posts of the past year and the weeks to come, each on one to three channels; past ones are out and measured."""
    pick = writer.random
    now, step = db.stored_time(newest), SPAN * 1.1 / max(posts, 1)
    plan, deliveries, out = [], [], []
    for number in range(1, posts + 1):
        at = newest - SPAN + step * number
        past, words = at < newest, writer.message()
        stored = db.stored_time(at)
        state = "published" if past else pick.choice(("scheduled", "draft"))
        plan.append((number, words[:60], words, state, stored, 1, now, now))
        for channel in pick.sample(channels, min(len(channels), pick.randint(1, 3))):
            mine = f"p{number}.{channel}" if past else None
            # Seeded channels are paused: what is scheduled on them stays where it is.
            deliveries.append((channel, number, state, stored, stored if past else None, mine, 0, 0, now))
            if past:
                likes = int(pick.expovariate(1 / 25))
                out.append((channel, mine, words, stored, likes, likes // 4, likes // 6, 0, now))
    with db.write() as session:
        insert(session, "post", "id, title, text, state, planned_at, version, created_at, updated_at", plan)
        insert(
            session,
            "delivery",
            "channel_id, post_id, state, due_at, published_at, remote_id, attempts, looks, created_at",
            deliveries,
        )
        insert(
            session,
            "publication",
            "channel_id, remote_id, text, published_at, likes, shares, comments, quotes, measured_at",
            out,
        )
    tell(f"{posts} posts …")
