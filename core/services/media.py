"""Uploaded images and videos: looked at before they are kept, one file each under its checksum, for the hub only.

What a picture is, is found out in `media_image.py`, a video in `media_video.py`; small pictures for pages and what
networks will get are in `media_views.py`; what nobody uses any more is deleted by `media_cleaning.py`.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import func, select
from sqlmodel import Session, col

from core.connectors.base import DraftImage
from core.db import utc_now
from core.errors import UserError
from core.models.planning import MediaAsset, MediaKind, PostMedia
from core.services import media_image, media_video
from core.services.team import Actor, Right, require
from core.settings import settings

MOST_BYTES = 20_000_000  # of an image
MOST_VIDEO_BYTES = 100_000_000
PIECE = 1 << 20  # bytes that are read at a time
ENDINGS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
}
POSTER = ".poster.jpg"


@dataclass(frozen=True)
class Upload:
    """A file that was looked at and lies in its place, not yet an asset. Sizes as in `MediaAsset`."""

    sha256: str
    filename: str
    mime: str
    size: int
    width: int
    height: int
    kind: MediaKind = MediaKind.IMAGE
    duration: float | None = None
    frame_rate: float | None = None


@dataclass(frozen=True)
class Kept:
    """An asset as the composer shows it."""

    id: int
    filename: str
    image: DraftImage


def media_path(sha256: str, mime: str) -> Path:
    """Where the file of a media asset lies."""
    return settings().media_dir.resolve() / f"{sha256}{ENDINGS.get(mime, '')}"


def poster_path(path: str) -> str:
    """The picture that stands for a video; an image stands for itself."""
    file = Path(path)
    return str(file.with_suffix(POSTER)) if file.suffix in (".mp4", ".webm", ".mov") else path


def look_at(actor: Actor, file: BinaryIO | bytes, filename: str, videos: bool = True) -> Upload:
    """Look at an upload and put it into its place; no transaction. Raises `UserError` with what is wrong.

    Read piece by piece: a large video is never in memory twice. `keep` makes an asset of it.
    """
    require(actor, Right.PLAN)
    name = Path(filename).name[:200] or "file"
    with _spooled(BytesIO(file) if isinstance(file, bytes) else file, name, videos) as (aside, sha256, head):
        if videos and media_video.is_video(head):
            return _video(aside, sha256, name)
        data = aside.read_bytes()
        mime, width, height = media_image.looked_at(data, name)
        _into_place(aside, media_path(sha256, mime))
        return Upload(sha256, name, mime, len(data), width, height)


def keep(session: Session, actor: Actor, upload: Upload) -> int:
    """Make an asset of what was looked at; gives its number. The same file twice is one asset."""
    require(actor, Right.PLAN)
    if not media_path(upload.sha256, upload.mime).exists():
        raise UserError(f"“{upload.filename}” was cleared away meanwhile. Add it again.")
    found = select(MediaAsset).where(col(MediaAsset.sha256) == upload.sha256)
    asset = session.execute(found).scalar_one_or_none()
    if asset is None:
        asset = MediaAsset(**upload.__dict__)
        session.add(asset)
    else:
        asset.created_at = utc_now()  # in use again: nothing clears it away soon
    session.flush()
    return int(asset.id)


def store_image(session: Session, actor: Actor, data: bytes, filename: str) -> int:
    """Keep an image; gives its number. Raises `UserError` with what is wrong."""
    return keep(session, actor, look_at(actor, data, filename, videos=False))


def path_of(session: Session, media_id: int) -> str:
    """The local file of a media asset."""
    asset = session.get_one(MediaAsset, media_id)
    return str(media_path(asset.sha256, asset.mime))


def draft_images(
    session: Session,
    chosen: Sequence[tuple[int, str]],
    focal: dict[int, tuple[float, float] | None] | None = None,
) -> list[DraftImage]:
    """Media by number with the alt texts typed for them, as a draft wants them; what is gone is passed over."""
    ids = [media_id for media_id, _ in chosen]
    assets = {a.id: a for a in session.execute(select(MediaAsset).where(col(MediaAsset.id).in_(ids))).scalars()}
    return [
        draft_media(assets[media_id], alt, (focal or {}).get(media_id))
        for media_id, alt in chosen
        if media_id in assets
    ]


def kept(session: Session, media_ids: Sequence[int]) -> dict[int, Kept]:
    """Assets by number; what is gone is left out. One statement."""
    rows = session.execute(select(MediaAsset).where(col(MediaAsset.id).in_(media_ids))).scalars()
    return {asset.id: Kept(asset.id, asset.filename, draft_media(asset, "")) for asset in rows}


def draft_media(asset: MediaAsset, alt: str, focus: tuple[float, float] | None = None) -> DraftImage:
    """An asset as connectors want it."""
    return DraftImage(
        path=str(media_path(asset.sha256, asset.mime)),
        mime=asset.mime,
        size=asset.size,
        width=asset.width,
        height=asset.height,
        alt=alt,
        focus=focus,
        duration=asset.duration,
        frame_rate=asset.frame_rate,
    )


def last_alts(session: Session, media_ids: Sequence[int]) -> dict[int, str]:
    """The alt text that each asset was last given in any post. One statement."""
    used = (col(PostMedia.media_id).in_(media_ids), func.trim(col(PostMedia.alt)) != "")
    newest = select(func.max(col(PostMedia.id))).where(*used).group_by(col(PostMedia.media_id))
    rows = session.execute(select(col(PostMedia.media_id), col(PostMedia.alt)).where(col(PostMedia.id).in_(newest)))
    return {int(media_id): str(alt) for media_id, alt in rows}


def _video(aside: Path, sha256: str, name: str) -> Upload:
    clean, poster = (aside.with_name(f"{aside.name}.{part}") for part in ("clean", "poster"))
    try:
        video = media_video.take(aside, clean, poster, name)
        path = media_path(sha256, video.mime)
        _into_place(poster, Path(poster_path(str(path))))
        _into_place(clean, path)
    finally:
        clean.unlink(missing_ok=True)
        poster.unlink(missing_ok=True)
    return Upload(
        *(sha256, name, video.mime, path.stat().st_size, video.width, video.height),
        kind=MediaKind.VIDEO,
        duration=video.duration,
        frame_rate=video.frame_rate,
    )


@contextmanager
def _spooled(file: BinaryIO, name: str, videos: bool) -> Iterator[tuple[Path, str, bytes]]:
    """The upload as a file aside, its checksum and first bytes; gone afterwards unless it was moved."""
    settings().ensure_folders()
    aside = settings().media_dir.resolve() / f"upload.{os.getpid()}.{secrets.token_hex(6)}"
    checksum, head, size = hashlib.sha256(), b"", 0
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as spool:
            while piece := file.read(PIECE):
                head = head or piece[:64]
                size += len(piece)
                most = MOST_VIDEO_BYTES if videos and media_video.is_video(head) else MOST_BYTES
                if size > most:
                    raise UserError(
                        f"“{name}” is larger than {most // 1_000_000} MB. Make it smaller and add it again."
                    )
                checksum.update(piece)
                spool.write(piece)
        yield aside, checksum.hexdigest(), head
    except OSError as error:
        sentence = f"“{name}” can't be stored: the hub's disk is full. Make room there, then add it again."
        raise UserError(sentence) from error
    finally:
        aside.unlink(missing_ok=True)


def _into_place(aside: Path, path: Path) -> None:
    """Renamed: nobody ever reads half a file. One that is there already is marked as new, so that it stays."""
    if path.exists():
        os.utime(path)
        return
    aside.chmod(0o600)
    aside.replace(path)
