"""Images: what they are, by their content. Pillow is loaded when it is needed."""

import warnings
from io import BytesIO

from core.errors import UserError

MOST_PIXELS = 60_000_000
SIDEWAYS = (5, 6, 7, 8)  # orientations of EXIF
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}


def looked_at(data: bytes, filename: str) -> tuple[str, int, int]:
    """Type and size in pixels; a name proves nothing. Raises `UserError` with what is wrong."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=tuple(TYPES)) as picture:
                kind, (width, height) = picture.format or "", picture.size
                sideways = kind in ("JPEG", "WEBP") and picture.getexif().get(0x0112) in SIDEWAYS
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
    return (TYPES[kind], height, width) if sideways else (TYPES[kind], width, height)
