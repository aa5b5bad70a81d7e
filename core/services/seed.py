"""Bulk data for benchmarks: as many messages, posts and channels as asked for, of realistic text. Never for a real hub.

Rows go in by the table's own columns by `executemany`: a million messages in two minutes. The words are
the sandbox's, mixed anew for each message; the channels are paused and carry no credentials, so no worker touches them.
"""

import json
import time
from collections.abc import Callable, Iterator
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
STATES = ("open", "open", "pending", "resolved", "resolved", "resolved", "resolved", "resolved")
KINDS = ("comment", "comment", "mention", "direct")

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
    _talks(writer, messages, ids, people, newest, tell)
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


def _talks(writer: Writer, messages: int, channels: list[int], people: list[int], newest: datetime, tell: Tell) -> None:
    """Conversations and their messages, oldest first, so that ids grow with time as they do in a hub that runs."""
    made = 0
    for talks, entries in _drawn(writer, messages, channels, people, newest):
        with db.write() as session:
            insert(
                session,
                "conversation",
                "id, channel_id, remote_id, kind, contact_id, state, unread, message_count, preview, preview_direction,"
                "last_message_at, waiting_since, created_at",
                talks,
            )
            insert(
                session,
                "message",
                "conversation_id, channel_id, contact_id, direction, remote_id, text, sent_at",
                entries,
            )
        made += len(entries)
        tell(f"{made} of {messages} messages …")


def _drawn(
    writer: Writer, messages: int, channels: list[int], people: list[int], newest: datetime
) -> Iterator[tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]]:
    pick = writer.random
    total = max(messages // PER_TALK, 1)
    step = SPAN / total
    talks: list[tuple[Any, ...]] = []
    entries: list[tuple[Any, ...]] = []
    left = messages
    for number in range(1, total + 1):
        count = left if number == total else min(pick.randint(1, 2 * PER_TALK - 1), left - (total - number))
        left -= count
        channel, person = pick.choice(channels), pick.choice(people)
        at = newest - SPAN + step * number
        for index in range(count):
            own = index % 3 == 2
            sent = db.stored_time(at - timedelta(minutes=7 * (count - 1 - index)))
            words = writer.message()
            entries.append(
                (number, channel, None if own else person, "out" if own else "in", f"s{number}.{index}", words, sent)
            )
        talks.append(_talk(pick, number, channel, person, entries[-count:]))
        if len(entries) >= CHUNK:
            yield talks, entries
            talks, entries = [], []
    if entries:
        yield talks, entries


def _talk(pick: Random, number: int, channel: int, person: int, entries: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    state = pick.choice(STATES)
    last = entries[-1]
    waits = state == "open" and last[3] == "in"
    unread = pick.randint(1, len(entries)) if waits and pick.random() < 0.3 else 0
    return (
        *(
            number,
            channel,
            f"s{number}",
            pick.choice(KINDS),
            person,
            state,
            unread,
            len(entries),
            last[5][:200],
            last[3],
        ),
        *(last[6], last[6] if waits else None, entries[0][6]),
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
