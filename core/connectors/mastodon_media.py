"""Uploads to servers of the Mastodon API: images made to fit, videos as they are, alt text, focal point, waiting.

https://docs.joinmastodon.org/methods/media/. What isn't used in a post vanishes there by itself: may be repeated.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.connectors.base import DraftImage, Limits
from core.connectors.http import MAX_SECONDS, Http, upload_seconds
from core.connectors.mastodon_posts import Json, mapping, path, word
from core.errors import Rejected, RemoteGone, RetryLater

WAIT, LONGEST_WAIT = 0.5, 5.0  # seconds between looks at an upload that is being processed: longer each time
PATIENCE, VIDEO_PATIENCE = 20.0, 240.0  # seconds in all; the lease is renewed meanwhile, for ten minutes


def upload(http: Http, image: DraftImage, limits: Limits) -> str:
    """Upload an image or a video and wait until the server has processed it; gives its media id.

    Raises `RetryLater` where that takes too long, `Rejected` with the server's sentence where it won't.
    """
    told = mapping(_send(http, image, limits))
    media_id = word(told.get("id"))
    what = "video" if image.is_video else "image"
    if not media_id:
        raise RetryLater(f"The server took the {what} but didn't say where.")
    if told.get("url") is not None:
        return media_id
    for pause in _pauses(VIDEO_PATIENCE if image.is_video else PATIENCE):
        time.sleep(pause)
        if http.get(path("/api/v1/media", media_id)).status == 200:  # 202 and 206: not yet
            return media_id
    raise RetryLater(f"The server is still working on the {what}.")


def _pauses(patience: float) -> Iterator[float]:
    pause, left = WAIT, patience
    while left > 0:
        yield pause
        left -= pause
        pause = min(pause * 1.3, LONGEST_WAIT)


def _send(http: Http, image: DraftImage, limits: Limits) -> Any:
    """POST /api/v2/media, or v1 where that is all there is."""
    try:
        return _post(http, "/api/v2/media", image, limits)
    except RemoteGone:
        return _post(http, "/api/v1/media", image, limits)


def _post(http: Http, address: str, image: DraftImage, limits: Limits) -> Any:
    with _file(image, limits) as (file, seconds):
        options: Json = {"repeatable": True, "files": {"file": file}, "data": _told(image) or None, "seconds": seconds}
        return http.write("POST", address, **options).json()


def _told(image: DraftImage) -> Json:
    told: Json = {"description": image.alt} if image.alt else {}
    if image.focus is not None:
        told["focus"] = "{:.2f},{:.2f}".format(*image.focus)
    return told


@contextmanager
def _file(image: DraftImage, limits: Limits) -> Iterator[tuple[Any, float]]:
    """(name, content, type) as an upload wants it, and the seconds it may take. A video is never whole in memory."""
    if not image.is_video:
        from core.connectors.images import fit

        fitted = fit(image, limits)
        yield ("image." + fitted.mime.removeprefix("image/"), fitted.data, fitted.mime), MAX_SECONDS
        return
    try:
        with Path(image.path).open("rb") as file:
            yield (f"video{Path(image.path).suffix}", file, image.mime), upload_seconds(image.size)
    except FileNotFoundError:
        raise Rejected("The video file is no longer there. Add the video again.") from None
