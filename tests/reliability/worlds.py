"""A network that fails on order and a hub whose database does: what the fault matrix is played on.

Three worlds: a Mastodon server that honours replay, one that doesn't, and Bluesky.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from core import db, vault
from core.connectors import http
from core.connectors.bluesky import LIMITS
from core.models.channel import Channel, ChannelState
from core.models.planning import Delivery, MediaAsset, PostMedia
from core.sandbox.faults import Fault, Faults
from core.services import channels, publishing
from core.services.media import media_path
from core.services.team import COMMAND_LINE
from tests import factories
from tests.reliability import pds as bluesky
from tests.reliability.conftest import OPEN, Stage
from tests.reliability.pds import Pds

WORLDS = ("mastodon", "mastodon without replay", "bluesky")
PATIENT = http.TIMEOUT
ALT = "Ein rotes Quadrat"


class Trouble:
    """What can be wrong with the hub's own database; `end` puts it right."""

    def __init__(self) -> None:
        self._holder: sqlite3.Connection | None = None

    def lock(self) -> None:
        """Somebody else holds the database's lock and doesn't let go."""
        if self._holder is None:
            path = str(db.engine().url.database)
            self._holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._holder.execute("BEGIN IMMEDIATE")

    def fill(self) -> None:
        """The disk has no room left for a commit."""

        def full(connection: Any) -> None:
            connection.rollback()  # as SQLite does by itself when a commit finds no room
            raise sqlite3.OperationalError("database or disk is full")

        db.engine().dialect.__dict__["do_commit"] = full

    def end(self) -> None:
        """The lock is free, the disk has room."""
        if self._holder is not None:
            self._holder.rollback()
            self._holder.close()
            self._holder = None
        db.engine().dialect.__dict__.pop("do_commit", None)


@dataclass
class World:
    """One channel of a hub on one network. `post`, `media`: the requests that publish and that upload."""

    name: str
    stage: Stage
    faults: Faults
    patch: pytest.MonkeyPatch
    trouble: Trouble
    channel: int
    post: str
    media: str
    honours: bool  # replay
    online: Callable[[], list[str]]
    remote_ids: Callable[[], list[str]]
    alts: Callable[[], list[str]]
    secret: str  # to reconnect with
    raised: list[Exception] = field(default_factory=list)

    def order(self, kind: str, path: str, method: str = "POST", **more: Any) -> None:
        """A fault that lasts until the world heals."""
        self.faults.add(Fault.read({"kind": kind, "method": method, "path": path, "count": None, **more}))

    def when(self, owner: Any, name: str, do: Callable[[], None], *, first: int = 1) -> None:
        """Have something happen when a step begins, for the `first` times that it does."""
        original, left = getattr(owner, name), [first]

        def struck(*given: Any, **named: Any) -> Any:
            if left[0]:
                left[0] -= 1
                do()
            return original(*given, **named)

        self.patch.setattr(owner, name, struck)

    def plan(self, text: str, *, image: bool = False) -> int:
        """A delivery that is due now, by its number."""
        delivery = self.stage.plan(text, self.stage.channels.index(self.channel))
        if image:
            self._add_image(delivery)
        return delivery

    def _add_image(self, delivery: int) -> None:
        path = media_path("a" * 64, "image/png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), "red").save(path)
        asset = MediaAsset(
            sha256="a" * 64, filename="rot.png", mime="image/png", size=path.stat().st_size, width=8, height=8
        )
        with db.write() as session:
            session.add(asset)
            session.flush()
            post = session.get_one(Delivery, delivery).post_id
            session.add(PostMedia(post_id=post, media_id=asset.id, alt=ALT))

    def work(self) -> None:
        """What the worker does with all that is due, as far as it comes; what it would log is kept in `raised`."""
        try:
            publishing.publish_due()
        except SQLAlchemyError as error:
            self.raised.append(error)

    def time_passes(self) -> None:
        """Until whatever is open is due and every claim of somebody who is gone has run out."""
        long_ago = db.utc_now() - timedelta(seconds=1)
        open_ones = col(Delivery.state).in_(OPEN)
        with db.write() as session:
            session.execute(update(Delivery).where(open_ones).values(due_at=long_ago))
            held = col(Delivery.claim_token).is_not(None)
            session.execute(update(Delivery).where(open_ones, held).values(lease_until=long_ago))

    def heal(self) -> None:
        """Nothing fails any more; a person reconnects the channel if the hub asks for that; a fresh worker comes."""
        self.faults.orders.clear()
        self.trouble.end()
        self.patch.setattr(http, "TIMEOUT", PATIENT)
        if self.channel_row().state is ChannelState.NEEDS_REAUTH:
            channels.reconnect(COMMAND_LINE, self.channel, self.secret)
        self.stage.until(self._done)

    def _done(self) -> bool:
        self.time_passes()
        publishing.publish_due()
        return not self.stage.open()

    def channel_row(self) -> Channel:
        """The channel as it stands."""
        with db.read() as session:
            found = session.get_one(Channel, self.channel)
            session.expunge(found)
        return found


def make_world(name: str, stage: Stage, server: tuple[str, Pds], patch: pytest.MonkeyPatch) -> World:
    """A world by its name, without faults, with nothing online."""
    trouble = Trouble()
    if name == "bluesky":
        return _bluesky(stage, *server, patch, trouble)
    stage.honour(name == "mastodon")
    box = stage.box
    assert box.box.faults is not None
    connector = stage.connector()
    profile = connector.profile()
    connector.close()
    with db.write() as session:
        row = session.get_one(Channel, stage.channels[0])
        row.remote_id, row.handle = profile.remote_id, profile.handle

    def alts() -> list[str]:
        reader = stage.connector()
        found = [media.alt for post in reader.own_posts(None, 1).items for media in post.media]
        reader.close()
        return found

    return World(
        name=name,
        stage=stage,
        faults=box.box.faults,
        patch=patch,
        trouble=trouble,
        channel=stage.channels[0],
        post="/api/v1/statuses",
        media="/api/v2/media",
        honours=name == "mastodon",
        online=stage.texts,
        remote_ids=lambda: [write["status_id"] for write in stage.writes()],
        alts=alts,
        secret=next(iter(box.tokens.values())),
    )


def _bluesky(stage: Stage, url: str, pds: Pds, patch: pytest.MonkeyPatch, trouble: Trouble) -> World:
    pds.faults.orders.clear()
    for held in (pds.records, pds.blobs, pds.journal, pds.calls):
        held.clear()
    channel = factories.channel(
        "bluesky",
        base_url=url,
        remote_id=bluesky.DID,
        handle=bluesky.HANDLE,
        sealed=vault.seal(pds.credentials()),
        limits=LIMITS.to_json(),
    )
    stage.channels.append(channel.id)
    return World(
        name="bluesky",
        stage=stage,
        faults=pds.faults,
        patch=patch,
        trouble=trouble,
        channel=channel.id,
        post="/xrpc/com.atproto.repo.putRecord",
        media="/xrpc/com.atproto.repo.uploadBlob",
        honours=True,
        online=lambda: [write.text for write in pds.journal if not write.replayed],
        remote_ids=lambda: [write.uri for write in pds.journal if not write.replayed],
        alts=lambda: [image["alt"] for post in pds.posts() for image in post.get("embed", {}).get("images", ())],
        secret=bluesky.PASSWORD,
    )
