"""What pages show of media: small pictures, and what each network will get. Kept in memory, no row is touched.

A file never changes under its name (its checksum), so what was worked out once holds. Making an image fit takes a
second or two: a thread of its own does it, one at a time, and whoever asks meanwhile is told that it isn't known yet.
"""

from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

from core.connectors.base import DraftImage, Limits
from core.connectors.images import FittedImage, fit
from core.errors import Rejected
from core.services.media import poster_path

SIDE = 720  # pixels of a small picture, the longer side
REMEMBERED = 400  # images as one channel gets them


@dataclass(frozen=True)
class Fitted:
    """What a channel gets of an image: pixels and bytes; or `trouble`, a sentence. All zero: being worked out."""

    width: int = 0
    height: int = 0
    size: int = 0
    trouble: str = ""

    @property
    def known(self) -> bool:
        """Whether it has been worked out."""
        return bool(self.size or self.trouble)


def small(path: str, side: int = SIDE) -> str:
    """`small_bytes` as a data address; empty where there is no picture."""
    data = small_bytes(path, side)
    return f"data:image/webp;base64,{b64encode(data).decode()}" if data else ""


@lru_cache(maxsize=96)
def small_bytes(path: str, side: int = SIDE) -> bytes:
    """A small picture of an image, or of a video's poster, as WebP; empty where the file can't be read."""
    from PIL import Image, ImageOps

    try:
        with Image.open(poster_path(path)) as opened:
            opened.thumbnail((side, side))  # a JPEG is then read no larger than needed
            upright = ImageOps.exif_transpose(opened)
            picture = upright.convert("RGBA" if "A" in upright.getbands() or "transparency" in upright.info else "RGB")
    except MemoryError:
        raise
    except Exception:  # a file that is gone, or broken, is no reason to show no page
        return b""
    out = BytesIO()
    picture.save(out, "WEBP", quality=74, method=2)
    return out.getvalue()


class _Aside:
    """One thread that works off what it is given; unlike an executor's it never holds up the end of the process."""

    def __init__(self) -> None:
        self._given: SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()
        self._thread = Thread(target=self._work, name="media-fit", daemon=True)

    def submit(self, call: Callable[..., Any], *given: Any) -> Future[Any]:
        """Have it called some time; the future will tell."""
        future: Future[Any] = Future()
        self._given.put((future, call, given))
        if not self._thread.is_alive():
            with suppress(RuntimeError):  # another has started it meanwhile
                self._thread.start()
        return future

    def _work(self) -> None:
        while True:
            future, call, given = self._given.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call(*given))
                except BaseException as error:
                    future.set_exception(error)


_lock = Lock()
_pool = _Aside()
_fits: OrderedDict[tuple[str, str, int, int | None, tuple[str, ...]], Future[Fitted]] = OrderedDict()


def fitted(image: DraftImage, limits: Limits, work: Callable[[DraftImage, Limits], FittedImage] = fit) -> Fitted:
    """What a channel with these limits gets of an image. Never waits: ask again while it isn't `known`."""
    key = (image.path, image.mime, limits.image_bytes, limits.image_pixels, limits.image_types)
    with _lock:
        future = _fits.get(key)
        if future is None:
            future = _fits[key] = _pool.submit(_fit, image, limits, work)
            while len(_fits) > REMEMBERED:
                _fits.popitem(last=False)[1].cancel()
        else:
            _fits.move_to_end(key)
    return future.result() if future.done() and not future.cancelled() else Fitted()


def _fit(image: DraftImage, limits: Limits, work: Callable[[DraftImage, Limits], FittedImage]) -> Fitted:
    try:
        made = work(image, limits)
    except Rejected as error:
        return Fitted(trouble=str(error))
    except Exception:  # the worker says it again, with its traceback, if it comes to that
        return Fitted(trouble="It can't be worked out. Save the image again as JPEG or PNG and add it anew.")
    return Fitted(made.width, made.height, len(made.data))
