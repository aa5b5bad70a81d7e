"""What every network looks like to the hub: capabilities and limits as data, messages, drafts, the protocol.

No network code lives here. What a channel takes of a draft is judged in `judging.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

import regex

from core.connectors.seen_text import Piece
from core.errors import Rejected

T = TypeVar("T")

Credentials = dict[str, str]
"""A network's secrets (tokens, passwords): sealed at rest, never logged."""


class Auth(StrEnum):
    """How a channel is connected."""

    OAUTH = "oauth"
    TOKEN = "token"
    APP_PASSWORD = "app_password"


class Replay(StrEnum):
    """What a server does with the very same write request sent twice."""

    NONE = "none"  # not known to do anything: never resend
    KEY = "key"  # honours Idempotency-Key for `Limits.replay_window`
    RECORD = "record"  # the record key is ours: writing the same record again changes nothing


class Kind(StrEnum):
    """What a conversation is. A review comes with networks that have them."""

    COMMENT = "comment"
    MENTION = "mention"
    DIRECT = "direct"
    REVIEW = "review"


class Search(StrEnum):
    """How far a network lets us search."""

    NONE = "none"
    HASHTAG = "hashtag"
    FULL = "full"


class Act(StrEnum):
    """What can be done at a network about a message, or about whoever wrote it."""

    LIKE = "like"
    UNLIKE = "unlike"
    REPOST = "repost"
    UNREPOST = "unrepost"
    HIDE = "hide"  # an answer below a post of ours: readers don't see it any more
    UNHIDE = "unhide"
    DELETE_OWN = "delete_own"
    FOLLOW = "follow"
    UNFOLLOW = "unfollow"
    MUTE = "mute"
    UNMUTE = "unmute"
    BLOCK = "block"
    UNBLOCK = "unblock"


UNDONE_BY: dict[Act, Act] = {
    Act.LIKE: Act.UNLIKE,
    Act.REPOST: Act.UNREPOST,
    Act.HIDE: Act.UNHIDE,
    Act.FOLLOW: Act.UNFOLLOW,
    Act.MUTE: Act.UNMUTE,
    Act.BLOCK: Act.UNBLOCK,
}
"""Acts that stand until they are taken back, and what takes them back."""

ON_AUTHOR = frozenset({Act.FOLLOW, Act.UNFOLLOW, Act.MUTE, Act.UNMUTE, Act.BLOCK, Act.UNBLOCK})
"""Acts on whoever wrote the message; the others are on the message."""


@dataclass(frozen=True)
class Capabilities:
    """What a network can do, as data. Pages and services ask this; nobody tries and catches."""

    network: str
    label: str
    auth: tuple[Auth, ...]
    needs_base_url: bool
    publishes: bool = True
    threads: bool = True
    replies: bool = True
    deletes: bool = True
    direct_messages: bool = False
    search: Search = Search.NONE
    post_metrics: tuple[str, ...] = ()  # of METRICS, in the order worth showing
    channel_metrics: tuple[str, ...] = ()
    acts: tuple[Act, ...] = ()
    edits: bool = False  # what is published can be changed there
    content_warnings: bool = False  # a text of our own in front of the post
    visibilities: tuple[str, ...] = ()  # of VISIBILITIES, the widest first; empty: everything is public
    focal_points: bool = False
    handle_example: str = ""  # how people are named there, without @
    docs_url: str = ""


METRICS: dict[str, str] = {
    "likes": "Likes",
    "shares": "Shares",
    "comments": "Comments",
    "quotes": "Quotes",
    "reach": "Reach",
    "followers": "Followers",
    "following": "Following",
    "posts": "Posts",
}
"""Every measure a network may give, and its name for people. Values are raw totals, counts of people or acts."""


VISIBILITIES: dict[str, str] = {"public": "Public", "unlisted": "Quiet public", "private": "Followers only"}
"""For whom a post may be, from wide to narrow, and the name for people."""


@dataclass(frozen=True)
class Limits:
    """What one channel's server accepts. Plain values, so that they survive `to_json` in the database."""

    text_length: int = 500  # in the network's own count, see `Connector.length`
    text_bytes: int | None = None  # UTF-8
    url_length: int | None = None  # every link counts as this many characters
    images: int = 4
    image_bytes: int = 8_000_000
    image_pixels: int | None = None  # width * height
    image_types: tuple[str, ...] = ("image/jpeg", "image/png", "image/webp", "image/gif")
    alt_length: int = 1500
    videos: int = 0  # in one post, never beside images; 0: the channel takes none
    video_bytes: int = 40_000_000
    video_types: tuple[str, ...] = ("video/mp4", "video/webm", "video/quicktime")
    video_seconds: float | None = None
    video_pixels: int | None = None  # width * height
    video_frame_rate: float | None = None  # a second
    video_alt_length: int | None = None  # None: as for images
    quota_posts: int | None = None  # posts that the server takes within `quota_seconds`
    quota_seconds: float = 0.0
    replay: Replay = Replay.NONE
    replay_window: float = 0.0  # seconds for which a replay is safe

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        plain = dict(self.__dict__)
        plain["image_types"], plain["video_types"] = list(self.image_types), list(self.video_types)
        plain["replay"] = self.replay.value
        return plain

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> "Limits":
        """Read what `to_json` wrote; unknown keys of another version are passed over."""
        known = {k: v for k, v in (stored or {}).items() if k in cls.__dataclass_fields__}
        for name in ("image_types", "video_types"):
            if name in known:
                known[name] = tuple(known[name])
        if "replay" in known:
            known["replay"] = Replay(known["replay"])
        return cls(**known)


@dataclass(frozen=True)
class Author:
    """A contact as a network names it."""

    remote_id: str  # the same wherever it is seen from: user@host, a DID
    handle: str
    name: str = ""
    url: str | None = None
    avatar_url: str | None = None
    followers: int | None = None


@dataclass(frozen=True)
class RemoteMedia:
    """Something attached to a message at the network; only linked to, never loaded by a page."""

    url: str
    kind: str = "image"  # image | video | audio | file
    alt: str = ""


@dataclass(frozen=True)
class RemoteMessage:
    """One message, mention or post of the network, already safe: `text` is plain text with line breaks.

    `thread_id` is the remote id of the thread's first message (or of the direct-message thread): the conversation.
    `uri` is the same from wherever it is seen. `metrics` are raw totals, keys of METRICS.
    """

    remote_id: str
    thread_id: str
    kind: Kind
    author: Author
    text: str
    sent_at: datetime
    is_own: bool = False
    url: str | None = None
    uri: str | None = None
    reply_to: str | None = None
    edited_at: datetime | None = None
    language: str | None = None
    media: tuple[RemoteMedia, ...] = ()
    metrics: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch(Generic[T]):
    """One fetch. `next_cursor` is opaque and goes into the next call; None keeps the old one.

    `more` says that another call would give more at once. `retry_after`: the server asks for a pause until then.
    """

    items: tuple[T, ...] = ()
    next_cursor: str | None = None
    more: bool = False
    retry_after: datetime | None = None
    removed: tuple[str, ...] = ()  # remote ids that the network no longer has


@dataclass(frozen=True)
class DraftImage:
    """An image or video to publish. `path` is a local file; `width` and `height` in pixels, `size` in bytes.

    `focus` is what stays in sight when it is cropped: (−1 left … 1 right, −1 bottom … 1 top). `duration` in seconds.
    """

    path: str
    mime: str
    size: int
    width: int
    height: int
    alt: str = ""
    focus: tuple[float, float] | None = None
    duration: float | None = None
    frame_rate: float | None = None

    @property
    def is_video(self) -> bool:
        """Whether it moves and has limits of its own."""
        return self.mime.startswith("video/")


@dataclass(frozen=True)
class DraftPart:
    """One entry of a thread; most drafts have exactly one. A `comment` hangs below the first entry, not the last."""

    text: str
    images: tuple[DraftImage, ...] = ()
    comment: bool = False


@dataclass(frozen=True)
class ReplyTo:
    """What a draft answers: the message itself and the first message of its thread (remote ids)."""

    remote_id: str
    thread_id: str
    kind: Kind = Kind.COMMENT
    handle: str = ""


@dataclass(frozen=True)
class Draft:
    """What is previewed, validated and published: the same object all the way."""

    parts: tuple[DraftPart, ...]
    language: str | None = None
    reply_to: ReplyTo | None = None
    content_warning: str = ""
    visibility: str | None = None  # of VISIBILITIES; None: as usual there
    remarks: tuple[str, ...] = ()  # what became of the text on its way here and is worth a second look

    def above(self, part: int, previous: Sequence["Sent"]) -> "Sent | None":
        """Which of the parts that are out part number `part` answers; None for the first."""
        if not previous:
            return None
        return previous[0] if self.parts[part].comment else previous[-1]


@dataclass(frozen=True)
class Prepared:
    """One write, fixed to the byte before it leaves. `request` is JSON; what it holds is the connector's affair."""

    replay_key: str
    request: dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """What a network accepted. `extra` is what the next part of a thread needs (a Bluesky CID, say)."""

    remote_id: str
    url: str | None
    at: datetime
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """Our own profile on a network, at connect time and whenever it is read again."""

    remote_id: str
    handle: str
    name: str
    url: str | None = None
    avatar_url: str | None = None


class Severity(StrEnum):
    """Errors block scheduling, warnings ask."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Problem:
    """One finding of `validate`: a sentence that says what to do."""

    severity: Severity
    message: str
    part: int | None = None  # of a thread; None: all of it

    def where(self, draft: "Draft") -> str:
        """“Part 2: ” in a thread, else nothing; a first comment says so itself."""
        if self.part is None or draft.parts[self.part].comment:
            return ""
        return f"Part {self.part + 1}: " if sum(not part.comment for part in draft.parts) > 1 else ""


class Connector(ABC):
    """One channel on one network. Cheap to make, synchronous, holds no database; may be used from one thread.

    Every method that talks to the network raises only `core.errors.NetworkError`s.
    `save_credentials` is called whenever the network hands out new ones (refresh), before they are used.
    """

    capabilities: ClassVar[Capabilities]
    default_base_url: ClassVar[str] = ""  # where most people's accounts are; empty: the address must be given

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        limits: Limits | None = None,
        save_credentials: Callable[[Credentials], None] = lambda _: None,
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """`allowed_hosts`: `host` or `host:port` on private or loopback addresses that may be talked to."""
        self.base_url = base_url.rstrip("/")
        self.credentials = credentials
        self.limits = limits or Limits()
        self.save_credentials = save_credentials
        self.allowed_hosts = allowed_hosts

    @abstractmethod
    def close(self) -> None:
        """Give back the network connections."""

    @abstractmethod
    def profile(self) -> Profile:
        """Who we are there. Raises `NeedsReauth` when the credentials are no longer good."""

    @abstractmethod
    def fetch_limits(self) -> Limits:
        """The server's own limits, or the network's published ones where it doesn't tell."""

    @classmethod
    @abstractmethod
    def length(cls, text: str, limits: Limits) -> int:
        """How long the network counts this text. Pure."""

    @classmethod
    def part_length(cls, draft: Draft, part: int, limits: Limits) -> int:
        """How long the network counts part number `part`: its text, and whatever else counts with it. Pure."""
        return cls.length(draft.parts[part].text, limits)

    @classmethod
    def answer_text(cls, text: str, to: ReplyTo, first: bool = True) -> str:
        """A part of an answer as it will stand there, with what the network wants before it (a handle). Pure."""
        return text

    @classmethod
    def pieces(cls, text: str) -> list[Piece]:
        """A text as its readers see it: what is coloured, links as short as they are shown. Pure."""
        return [Piece("text", text)]

    @abstractmethod
    def prepare(self, draft: Draft, part: int, replay_key: str, previous: Sequence[Sent]) -> Prepared:
        """Do everything that may be repeated (uploads, look-ups) and fix the one write of part number `part`.

        `previous` are the parts of the thread that are already out, first to last.
        """

    @abstractmethod
    def publish(self, prepared: Prepared) -> Sent:
        """Send the write. Raises `OutcomeUnknown` when it left and no answer came."""

    @abstractmethod
    def find_published(self, prepared: Prepared, since: datetime) -> Sent | None:
        """Look on our own timeline for what `prepared` would have made since then. Reads only."""

    @abstractmethod
    def delete(self, remote_id: str) -> None:
        """Delete a post or reply of ours. Raises `RemoteGone` if it isn't there."""

    def edit(self, remote_id: str, draft: Draft, part: int) -> Sent:
        """Change a published post of ours into part number `part` of `draft`; where `capabilities.edits` says so.

        Repeating it does no harm. Raises `RemoteGone` if it isn't there.
        """
        raise Rejected(f"{self.capabilities.label} doesn't let anybody change what is published.")

    @classmethod
    def access_ends_at(cls, credentials: Credentials) -> datetime | None:
        """When credentials end for good, aware UTC; None where they don't, or nobody knows. Pure."""
        return None

    def act(self, act: Act, remote_id: str, author: str = "") -> None:
        """Do one of `capabilities.acts` about the message `remote_id`, or about its author (`Author.remote_id`).

        Leaves things as the act says, however they were before and however often it is done: a fault is no reason not
        to try again. Raises `RemoteGone` where message or author aren't there, `Rejected` where it can't be done.
        """
        raise Rejected(f"{self.capabilities.label} doesn't let the hub do that.")

    @abstractmethod
    def fetch_inbox(self, cursor: str | None, thread_of: Callable[[str], str | None]) -> Batch[RemoteMessage]:
        """What came in since `cursor`, oldest first, with the messages above it in its thread when that is new.

        `thread_of(remote_id)` gives the thread of a message that the hub already has, else None: it saves requests.
        """

    @abstractmethod
    def recheck(self, remote_ids: Sequence[str]) -> Batch[RemoteMessage]:
        """Read known messages again to follow edits (`items`) and deletions (`removed`).

        `thread_id` and `kind` of the items are not looked up again and must be ignored.
        """

    @abstractmethod
    def search(self, query: str, cursor: str | None) -> Batch[RemoteMessage]:
        """Public messages that match `query` (`#hashtag`, words, "quoted phrase"), oldest first, since `cursor`."""

    @abstractmethod
    def own_posts(self, cursor: str | None, limit: int = 40) -> Batch[RemoteMessage]:
        """Our own posts with their metrics, newest first. `cursor` pages backwards; None starts at the newest."""

    @abstractmethod
    def post_metrics(self, remote_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """Raw totals of known posts of ours; a post missing from the answer is gone."""

    @abstractmethod
    def channel_metrics(self) -> dict[str, int]:
        """Raw totals of the profile (followers, following, posts)."""


HTTP_LINK = regex.compile(r"https?://[^\s<>\"]+", regex.IGNORECASE)
GRAPHEME = regex.compile(r"\X")


def graphemes(text: str) -> int:
    """Number of characters as a person counts them (UAX #29): a flag or a family emoji is one."""
    return sum(1 for _ in GRAPHEME.finditer(text))
