"""Media that nobody uses any more is deleted: a month after it was uploaded, a few at a time, and never on a guess.

An asset is in use while a post holds it, or while its number stands anywhere in what is kept beside posts: versions,
what members typed and didn't save, and answers of the inbox. Any whole number there counts, whatever it means: better
a file too many than one too few. Files without an asset (an upload that was broken off) go after the same time.
"""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, exists, select
from sqlmodel import Session, col

from core import db
from core.models.inbox import Message
from core.models.planning import MediaAsset, PostMedia
from core.models.planning_work import ComposerDraft, PostVersion
from core.services.media import POSTER, media_path, poster_path
from core.settings import settings

KEPT = timedelta(days=30)
AT_ONCE = 50
LOOKED_AT = 2000  # assets that one run judges
FILES_AT_ONCE = 5000  # names that one run looks at


def clear_away() -> int:
    """Delete up to `AT_ONCE` unused assets, and files that belong to none; gives how many files went."""
    before = db.utc_now() - KEPT
    with db.read() as session:
        unused = _unused(session, before)
    gone = 0
    for media_id in unused:
        with db.write() as session:
            gone += _delete(session, media_id, before)
    return gone + _clear_strays(before)


def _unused(session: Session, before: datetime) -> list[int]:
    """Assets that no post holds, and whose numbers stand nowhere else."""
    held = exists().where(col(PostMedia.media_id) == col(MediaAsset.id))
    old = select(col(MediaAsset.id)).where(col(MediaAsset.created_at) < before, ~held)
    found = set(session.execute(old.order_by(col(MediaAsset.id)).limit(LOOKED_AT)).scalars())
    if found:
        for content in _kept_beside(session):
            found -= _numbers(content)
            if not found:
                break
    return sorted(found)[:AT_ONCE]


def _kept_beside(session: Session) -> Iterator[Any]:
    columns: tuple[Any, ...] = (PostVersion.content, ComposerDraft.content, Message.media)
    for column in columns:
        yield from session.execute(
            select(column).where(col(column).is_not(None)).execution_options(yield_per=500)
        ).scalars()


def _numbers(value: Any) -> set[int]:
    """Every whole number in a JSON value, also where it is written as text or stands as a key."""
    if isinstance(value, dict):
        return _numbers([*value.keys(), *value.values()])
    if isinstance(value, list | tuple):
        return set().union(*map(_numbers, value)) if value else set()
    if isinstance(value, int) and not isinstance(value, bool):
        return {value}
    return {int(value)} if isinstance(value, str) and value.isdecimal() and len(value) < 12 else set()


def _delete(session: Session, media_id: int, before: datetime) -> int:
    """The row and its files, if it is still as old and unused: whoever uploads the same meanwhile has touched both."""
    asset = session.get(MediaAsset, media_id)
    if asset is None or _unheld(session, media_id, before) is None:
        return 0
    path = media_path(asset.sha256, asset.mime)
    if path.exists() and _touched_at(path) >= before.timestamp():
        return 0
    session.execute(delete(MediaAsset).where(col(MediaAsset.id) == media_id))
    session.flush()
    gone = 0
    for file in {path, Path(poster_path(str(path)))}:
        if file.exists():
            file.unlink()
            gone += 1
    return gone


def _unheld(session: Session, media_id: int, before: datetime) -> int | None:
    held = exists().where(col(PostMedia.media_id) == media_id)
    wanted = select(col(MediaAsset.id)).where(
        col(MediaAsset.id) == media_id, col(MediaAsset.created_at) < before, ~held
    )
    found: int | None = session.execute(wanted.with_for_update()).scalar_one_or_none()
    return found


def _clear_strays(before: datetime) -> int:
    """Files whose upload never became an asset."""
    old: dict[str, list[Path]] = {}
    folder = settings().media_dir.resolve()
    if not folder.exists():
        return 0
    with os.scandir(folder) as entries:
        for number, entry in enumerate(entries):
            if number >= FILES_AT_ONCE:
                break
            if entry.is_file(follow_symlinks=False) and entry.stat().st_mtime < before.timestamp():
                name = entry.name.removesuffix(POSTER).partition(".")[0]
                old.setdefault(name, []).append(Path(entry.path))
    gone = 0
    names = list(old)
    for start in range(0, len(names), 500):
        some = names[start : start + 500]
        with db.read() as session:
            there = set(
                session.execute(select(col(MediaAsset.sha256)).where(col(MediaAsset.sha256).in_(some))).scalars()
            )
        for name in some:
            for path in old[name] if name not in there else ():
                if _touched_at(path) < before.timestamp():
                    path.unlink(missing_ok=True)
                    gone += 1
    return gone


def _touched_at(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0
