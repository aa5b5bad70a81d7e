"""The network's small print, without state: what a status may be, who may see it, and how an error answer looks."""

from dataclasses import dataclass
from datetime import UTC, datetime

from core.sandbox import markup

MAX_CHARACTERS = 500
MAX_MEDIA = 4
MAX_IMAGE_BYTES = 10 * 1024 * 1024
MAX_IMAGE_PIXELS = 33_177_600
MAX_DESCRIPTION = 1500
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
VIDEO_TYPES = ("video/mp4", "video/webm", "video/quicktime")
MAX_VIDEO_BYTES = 40 * 1024 * 1024
MAX_VIDEO_PIXELS, MAX_FRAME_RATE = 8_294_400, 120
VISIBILITIES = ("public", "unlisted", "private", "direct")

VISIBLE = (
    "(s.visibility IN ('public', 'unlisted') OR s.account_id = ? OR EXISTS "
    "(SELECT 1 FROM mention v WHERE v.status_id = s.id AND v.account_id = ?))"
)
"""Condition on `status s` with the viewer's account id twice (0 for nobody)."""


class ApiError(Exception):
    """An answer of the API that isn't 2xx; `message` is shown as Mastodon shows it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Entry:
    """A status to be written."""

    account_id: int
    text: str
    visibility: str = "public"
    in_reply_to: int | None = None
    media: tuple[int, ...] = ()
    language: str | None = None
    spoiler: str = ""
    sensitive: bool = False
    app_id: int | None = None
    topic: str | None = None


def check(entry: Entry) -> None:
    """Raise `ApiError` 422 for what Mastodon would refuse, in its words."""
    if not entry.text.strip() and not entry.media:
        raise ApiError(422, "Validation failed: Text can't be blank")
    if markup.length(entry.text) + markup.length(entry.spoiler) > MAX_CHARACTERS:
        raise ApiError(422, f"Validation failed: Text character limit of {MAX_CHARACTERS} exceeded")
    if len(entry.media) > MAX_MEDIA:
        raise ApiError(422, f"Validation failed: Cannot attach more than {MAX_MEDIA} files")
    if entry.visibility not in VISIBILITIES:
        raise ApiError(422, "Validation failed: Visibility is not included in the list")


def millis(at: datetime) -> int:
    """A time as the store keeps it."""
    return int(at.timestamp() * 1000)


def moment(at: int) -> datetime:
    """A stored time as an aware one (UTC)."""
    return datetime.fromtimestamp(at / 1000, UTC)
