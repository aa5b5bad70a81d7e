"""Rows for tests, made with as little as the test cares about. Each function commits and gives the row."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from core import db, vault
from core.connectors.base import Kind, Limits
from core.models.channel import Channel, Group, SyncCursor, SyncKind
from core.models.inbox import Contact, Conversation, Direction, Message
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.models.team import Member, Role
from core.services.team import Actor

_numbers = itertools.count(1)


def _saved(row: Any) -> Any:
    with db.write() as session:
        session.add(row)
        session.flush()
        session.expunge(row)
    return row


def member(role: Role = Role.ADMIN, **values: Any) -> Member:
    """A member who can't sign in (no password) unless the test gives a hash."""
    number = next(_numbers)
    given = {"email": f"member{number}@example.org", "name": f"Member {number}", "password_hash": "!"} | values
    return _saved(Member(role=role, **given))


def actor(role: Role = Role.ADMIN) -> Actor:
    """Somebody of the team with that role."""
    row = member(role)
    return Actor(id=row.id, name=row.name, email=row.email, role=row.role, time_zone=row.time_zone)


def group(name: str = "") -> Group:
    """A channel group."""
    return _saved(Group(name=name or f"Group {next(_numbers)}"))


def channel(network: str = "mastodon", *, cursors: bool = False, **values: Any) -> Channel:
    """An active channel with a token nobody honours; `cursors` makes its sync cursors due now."""
    number = next(_numbers)
    given: dict[str, Any] = {
        "base_url": "https://social.example",
        "remote_id": f"r{number}",
        "handle": f"@channel{number}@social.example",
        "name": f"Channel {number}",
        "sealed": vault.seal({"access_token": f"token-{number}"}),
        "limits": Limits().to_json(),
    } | values
    row = _saved(Channel(network=network, **given))
    if cursors:
        for kind in (SyncKind.INBOX, SyncKind.RECHECK, SyncKind.POSTS, SyncKind.PROFILE):
            _saved(SyncCursor(channel_id=row.id, kind=kind, due_at=db.utc_now()))
    return row


def contact(network: str = "mastodon", **values: Any) -> Contact:
    """A contact."""
    number = next(_numbers)
    given = {
        "remote_id": f"c{number}@social.example",
        "handle": f"@c{number}@social.example",
        "name": f"Contact {number}",
    }
    return _saved(Contact(network=network, **(given | values)))


def conversation(channel_id: int, *texts: str, at: datetime | None = None, **values: Any) -> Conversation:
    """A conversation whose messages all came in, a minute apart, the last one at `at` (now)."""
    at = at or db.utc_now()
    texts = texts or ("Hallo, wann liefert ihr?",)
    writer = contact()
    given: dict[str, Any] = {
        "remote_id": f"thread-{next(_numbers)}",
        "kind": Kind.MENTION,
        "contact_id": writer.id,
        "unread": len(texts),
        "message_count": len(texts),
        "preview": texts[-1][:200],
        "last_message_at": at,
        "waiting_since": at - timedelta(minutes=len(texts) - 1),
    } | values
    row = _saved(Conversation(channel_id=channel_id, **given))
    for index, text in enumerate(texts):
        message(row, text, at=at - timedelta(minutes=len(texts) - 1 - index), contact_id=writer.id)
    return row


def message(owner: Conversation, text: str, at: datetime | None = None, **values: Any) -> Message:
    """A message in a conversation; came in unless the test says otherwise. Derived columns are left alone."""
    given = {"direction": Direction.IN, "remote_id": f"m{next(_numbers)}"} | values
    return _saved(
        Message(conversation_id=owner.id, channel_id=owner.channel_id, text=text, sent_at=at or db.utc_now(), **given)
    )


def post(*channel_ids: int, text: str = "Guten Morgen!", at: datetime | None = None, **values: Any) -> Post:
    """A post with a delivery per channel: scheduled when `at` is given, else a draft."""
    state = PostState.SCHEDULED if at else PostState.DRAFT
    given = {"state": state, "title": text[:40], "planned_at": at} | values
    row = _saved(Post(text=text, **given))
    for channel_id in channel_ids:
        _saved(
            Delivery(
                post_id=row.id,
                channel_id=channel_id,
                due_at=at,
                state=DeliveryState.SCHEDULED if at else DeliveryState.DRAFT,
            )
        )
    return row
