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
SHRINK = 0.9  # each side at least, when no quality is small enough
HOPELESS = 2.5  # times too large at one quality: a lower one saves no more than about that
SMALLEST = 64  # pixels of the longer side


@dataclass(frozen=True)
class FittedImage:
    """What is uploaded. `width` and `height` in pixels. Holds no EXIF data: no place, no camera, no name."""

    data: bytes
    mime: str
    width: int
    height: int


def fit(image: DraftImage, limits: Limits) -> FittedImage:
    """Turn upright, strip metadata, shrink until the limits are kept. Raises `Rejected` where that can't be done."""
    from PIL import Image, ImageOps

    try:
        with Image.open(Path(image.path)) as opened:
            if getattr(opened, "is_animated", False) and _as_it_is(image, limits):
                return FittedImage(Path(image.path).read_bytes(), image.mime, image.width, image.height)
            upright = ImageOps.exif_transpose(opened)
            upright.load()
    except FileNotFoundError:
        raise Rejected("The image file is no longer there. Add the image again.") from None
    except MemoryError:
        raise
    except Exception as error:  # a broken file makes Pillow raise nearly anything
        raise Rejected("The image can't be read. Save it again as JPEG or PNG and add it anew.") from error
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
            if len(data) > limits.image_bytes * HOPELESS:
                break  # lower quality won't do: fewer pixels
        factor = min(SHRINK, (limits.image_bytes * HOPELESS / len(data)) ** 0.5)
        if max(flat.size) * factor < SMALLEST:
            raise Rejected(f"The image can't be made smaller than {limits.image_bytes} bytes. Take another one.")
        flat = _scaled(flat, factor)


def _scaled(picture: "Image", factor: float) -> "Image":
    from PIL.Image import Resampling

    size = (max(int(picture.width * factor), 1), max(int(picture.height * factor), 1))
    return picture.resize(size, Resampling.LANCZOS)


def _flat(picture: "Image") -> "Image":
    """In plain colours, on white where it was see-through: JPEG knows no transparency."""
    from PIL import Image

    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        flat = Image.new("RGB", seen.size, "white")
        flat.paste(seen, mask=seen.getchannel("A"))
    else:
        flat = picture.convert("RGB")
    if picture.mode in ("RGB", "RGBA", "P"):  # a profile of other colours (CMYK, grey) doesn't fit any more
        _keep_colours(picture, flat)
    return flat


def _keep_colours(source: "Image", target: "Image") -> None:
    if source.info.get("icc_profile"):
        target.info["icc_profile"] = source.info["icc_profile"]


def _bytes(picture: "Image", kind: str, **options: object) -> bytes:
    """Encoded with nothing but its pixels and what its colours mean: Pillow would keep comments and XMP data."""
    out = BytesIO()
    bare = picture.copy()
    bare.info = {name: picture.info[name] for name in ("icc_profile", "transparency") if name in picture.info}
    bare.save(out, kind, exif=b"", icc_profile=bare.info.get("icc_profile"), **options)
    return out.getvalue()
