"""Make an image fit a channel's limits: size, pixels, type. Pillow is loaded when it is needed."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from core.connectors.base import DraftImage, Limits
from core.errors import Rejected

if TYPE_CHECKING:
    from PIL.Image import Image

QUALITIES = (90, 82, 74, 66)
SHRINK = 0.8  # each side, when no quality is small enough
SMALLEST = 64  # pixels a side


@dataclass(frozen=True)
class FittedImage:
    """What is uploaded. `width` and `height` in pixels. Holds no EXIF data: no place, no camera, no name."""

    data: bytes
    mime: str
    width: int
    height: int


def fit(image: DraftImage, limits: Limits) -> FittedImage:
    """Turn upright, strip metadata, shrink until the limits are kept. Raises `Rejected` where that can't be done."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(Path(image.path)) as opened:
            if getattr(opened, "is_animated", False) and _as_it_is(image, limits):
                return FittedImage(Path(image.path).read_bytes(), image.mime, image.width, image.height)
            upright = ImageOps.exif_transpose(opened)
            upright.load()
    except FileNotFoundError:
        raise Rejected("The image file is no longer there. Add the image again.") from None
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        raise Rejected("The image can't be read. Save it again as JPEG or PNG and add it anew.") from None
    return _encode(upright, image.mime, limits)


def _as_it_is(image: DraftImage, limits: Limits) -> bool:
    pixels = image.width * image.height
    return (
        image.mime == "image/gif"
        and image.mime in limits.image_types
        and image.size <= limits.image_bytes
        and (limits.image_pixels is None or pixels <= limits.image_pixels)
    )


def _encode(picture: "Image", mime: str, limits: Limits) -> FittedImage:
    if limits.image_pixels is not None and picture.width * picture.height > limits.image_pixels:
        picture = _scaled(picture, (limits.image_pixels / (picture.width * picture.height)) ** 0.5)
    if mime == "image/png" and mime in limits.image_types:
        data = _bytes(picture, "PNG", optimize=True)
        if len(data) <= limits.image_bytes:
            return FittedImage(data, mime, *picture.size)
    flat = _flat(picture)
    while True:
        for quality in QUALITIES:
            data = _bytes(flat, "JPEG", quality=quality, optimize=True, progressive=True)
            if len(data) <= limits.image_bytes:
                return FittedImage(data, "image/jpeg", *flat.size)
        if min(flat.size) * SHRINK < SMALLEST:
            raise Rejected(f"The image can't be made smaller than {limits.image_bytes} bytes. Take another one.")
        flat = _scaled(flat, SHRINK)


def _scaled(picture: "Image", factor: float) -> "Image":
    from PIL.Image import Resampling

    size = (max(int(picture.width * factor), 1), max(int(picture.height * factor), 1))
    return picture.resize(size, Resampling.LANCZOS)


def _flat(picture: "Image") -> "Image":
    """On white where it was see-through: JPEG knows no transparency."""
    from PIL import Image

    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        paper = Image.new("RGB", seen.size, "white")
        paper.paste(seen, mask=seen.getchannel("A"))
        return paper
    return picture.convert("RGB")


def _bytes(picture: "Image", kind: str, **options: object) -> bytes:
    from PIL.Image import Image

    out = BytesIO()
    clean: Image = picture if picture.mode != "CMYK" else picture.convert("RGB")
    clean.save(out, kind, exif=b"", **options)
    return out.getvalue()
