"""What was approved, as a digest: everything of a post that readers see, and nothing else. The time is none of it.

`whole` names the post on all its channels, `channels` what goes to each: a channel that is removed from the hub takes
nothing away from what was approved for the others. What links and names turn into when it is sent counts too: the
parameters of its campaign, and the handles of the people it names.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from core.models.planning import Campaign, Delivery, Post, PostMedia
from core.models.planning_sources import NamedPerson

NAMED = re.compile(r"@\[([^\[\]\n]{1,80})\]")


@dataclass(frozen=True)
class Digest:
    """SHA-256 in hex of the post as a whole, and by channel id of what goes there."""

    whole: str
    channels: dict[int, str]


def digest(session: Session, post: Post) -> Digest:
    """Of one post, as its rows stand."""
    return digests(session, [post])[post.id]


def digests(session: Session, posts: Sequence[Post]) -> dict[int, Digest]:
    """Of many posts by their ids, in a constant number of statements."""
    if not posts:
        return {}
    ids = [post.id for post in posts]
    texts = _texts(session, ids)
    images = _images(session, ids)
    campaigns = _campaigns(session, posts)
    people = _people(session, [text for p in posts for text in _words(p, texts.get(p.id, {}))])
    made = {}
    for post in posts:
        own = texts.get(post.id, {})
        named = sorted({name for text in _words(post, own) for name in NAMED.findall(text)})
        common = [
            *(post.text, post.language, post.content_warning, post.visibility, post.first_comment),
            *(post.campaign_id, post.tagged, campaigns.get(post.campaign_id) if post.tagged else None),
            sorted(post.untagged_links or ()),
            images.get(post.id, []),
            [[name, people.get(name)] for name in named],
        ]
        made[post.id] = Digest(
            _hash([common, sorted(own.items())]),
            {number: _hash([common, number, text]) for number, text in own.items()},
        )
    return made


def _words(post: Post, variants: dict[int, str | None]) -> list[str]:
    return [post.text, post.first_comment, *(text for text in variants.values() if text)]


def _hash(said: Any) -> str:
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _texts(session: Session, ids: Sequence[int]) -> dict[int, dict[int, str | None]]:
    found: dict[int, dict[int, str | None]] = {}
    rows = session.execute(
        select(col(Delivery.post_id), col(Delivery.channel_id), col(Delivery.text)).where(
            col(Delivery.post_id).in_(ids)
        )
    )
    for post_id, channel_id, text in rows:
        found.setdefault(post_id or 0, {})[channel_id] = text
    return found


def _images(session: Session, ids: Sequence[int]) -> dict[int, list[list[Any]]]:
    found: dict[int, list[list[Any]]] = {}
    rows = session.execute(
        select(PostMedia)
        .where(col(PostMedia.post_id).in_(ids))
        .order_by(col(PostMedia.post_id), col(PostMedia.position))
    ).scalars()
    for row in rows:
        found.setdefault(row.post_id, []).append([row.media_id, row.alt, row.focal_x, row.focal_y])
    return found


def _campaigns(session: Session, posts: Sequence[Post]) -> dict[int | None, list[str]]:
    ids = {post.campaign_id for post in posts if post.tagged and post.campaign_id is not None}
    if not ids:
        return {}
    rows = session.execute(select(Campaign).where(col(Campaign.id).in_(ids))).scalars()
    return {row.id: [row.name, row.utm_source, row.utm_medium, row.utm_campaign] for row in rows}


def _people(session: Session, texts: Sequence[str]) -> dict[str, Any]:
    names = {name for text in texts for name in NAMED.findall(text)}
    if not names:
        return {}
    rows = session.execute(select(NamedPerson).where(col(NamedPerson.name).in_(names))).scalars()
    return {row.name: row.handles or {} for row in rows}
