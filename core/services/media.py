"""Uploaded images: looked at before they are kept, one file a picture under its checksum, readable by the hub only."""

import hashlib
import os
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from sqlalchemy import select
from sqlmodel import Session, col

from core.connectors.base import DraftImage
from core.errors import UserError
from core.models.planning import MediaAsset
from core.services.team import Actor, Right, require
from core.settings import settings

MOST_BYTES = 20_000_000
MOST_PIXELS = 60_000_000
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp"}


def media_path(sha256: str, mime: str) -> Path:
    """Where the file of a media asset lies."""
    return settings().media_dir.resolve() / f"{sha256}{ENDINGS.get(mime, '')}"


def store_image(session: Session, actor: Actor, data: bytes, filename: str) -> int:
    """Keep an image; gives its number. The same picture twice is one asset. Raises `UserError` with what is wrong."""
    require(actor, Right.PLAN)
    if len(data) > MOST_BYTES:
        raise UserError(f"“{filename}” is larger than {MOST_BYTES // 1_000_000} MB. Make it smaller and add it again.")
    mime, width, height = _looked_at(data, filename)
    sha256 = hashlib.sha256(data).hexdigest()
    _write(media_path(sha256, mime), data)
    there = session.execute(select(MediaAsset).where(col(MediaAsset.sha256) == sha256)).scalar_one_or_none()
    if there is not None:
        return int(there.id)
    asset = MediaAsset(
        sha256=sha256, filename=Path(filename).name[:200], mime=mime, size=len(data), width=width, height=height
    )
    session.add(asset)
    session.flush()
    return int(asset.id)


def path_of(session: Session, media_id: int) -> str:
    """The local file of a media asset."""
    asset = session.get_one(MediaAsset, media_id)
    return str(media_path(asset.sha256, asset.mime))


def draft_images(session: Session, chosen: Sequence[tuple[int, str]]) -> list[DraftImage]:
    """Images by number with the alt texts typed for them, as a draft wants them; one that is gone is passed over."""
    ids = [media_id for media_id, _ in chosen]
    assets = {a.id: a for a in session.execute(select(MediaAsset).where(col(MediaAsset.id).in_(ids))).scalars()}
    return [
        DraftImage(str(media_path(a.sha256, a.mime)), a.mime, a.size, a.width, a.height, alt)
        for a, alt in ((assets[media_id], alt) for media_id, alt in chosen if media_id in assets)
    ]


def _looked_at(data: bytes, filename: str) -> tuple[str, int, int]:
    """Type and size in pixels, by its content: a name proves nothing."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=tuple(TYPES)) as picture:
                kind, (width, height) = picture.format or "", picture.size
                if width * height > MOST_PIXELS:
                    raise UserError(f"“{filename}” has too many pixels ({width} × {height}). Make it smaller.")
                picture.verify()
            if kind == "JPEG":  # `verify` doesn't read it to its end; an eighth of its size costs little
                with Image.open(BytesIO(data), formats=["JPEG"]) as picture:
                    picture.draft("RGB", (width // 8, height // 8))
                    picture.load()
    except UserError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UserError(f"“{filename}” has too many pixels. Make it smaller.") from None
    except Exception:  # whatever a decoder stumbles over: these bytes are no picture
        raise UserError(f"“{filename}” is no image the hub can read. Take a JPEG, PNG, GIF or WebP.") from None
    return TYPES[kind], width, height


def _write(path: Path, data: bytes) -> None:
    """Aside, then renamed: nobody ever reads half a picture."""
    if path.exists():
        return
    settings().ensure_folders()
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    aside.replace(path)
