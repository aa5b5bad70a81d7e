"""From what was typed to what is published: thread parts, names, links, images with their files, local times.

One way for all: `channel_draft` makes the `Draft` that composer's preview, scheduler, worker and edits use. It is pure;
what it needs from the database (people, the campaign) is its `Ingredients`, loaded once however many channels there
are. What stands in the composer and isn't saved comes in by `plan_typed.py`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col

from core.connectors.base import Draft, DraftImage, DraftPart, Limits, Problem, ReplyTo, Severity
from core.connectors.judging import validate
from core.connectors.registry import connector_class
from core.errors import Rejected
from core.models.channel import Channel
from core.models.inbox import Contact, Conversation, Message
from core.models.planning import Campaign, Delivery, MediaAsset, Post, PostMedia
from core.services import named_people
from core.services.media import draft_images, media_path
from core.services.named_people import People
from core.services.threads import BETWEEN, LINE, thread_texts
from core.services.utm import Tags, tag_links

__all__ = [
    "BETWEEN",
    "NOTHING",
    "THREAD_LINE",
    "Ingredients",
    "PostImage",
    "PostText",
    "answer_draft",
    "channel_draft",
    "draft_from",
    "draft_of",
    "drafts_of",
    "first_error",
    "images_of",
    "ingredients",
    "lengths",
    "local_to_utc",
    "own_images",
    "post_images",
    "problems_for",
    "problems_of",
    "thread_texts",
]

THREAD_LINE = LINE


@dataclass(frozen=True)
class PostImage:
    """An image of a post as the composer shows it; `path` is the local file."""

    media_id: int
    alt: str
    filename: str
    mime: str
    size: int
    width: int
    height: int
    path: str
    focus: tuple[float, float] | None = None  # as in `DraftImage`
    duration: float | None = None  # seconds, of a video
    frame_rate: float | None = None

    def for_draft(self) -> DraftImage:
        """As connectors want it."""
        named = {one.name: getattr(self, one.name) for one in fields(DraftImage)}
        return DraftImage(**named)


@dataclass(frozen=True)
class PostText:
    """What a post says wherever it goes: as it is stored, or as it was typed and not saved yet."""

    text: str = ""
    language: str | None = None
    content_warning: str = ""
    visibility: str | None = None
    first_comment: str = ""
    tagged: bool = False
    untagged_links: tuple[str, ...] = ()  # as they stand in the text
    images: tuple[DraftImage, ...] = ()


@dataclass(frozen=True)
class Ingredients:
    """What a draft takes from elsewhere: whom it names, and what its campaign puts on links."""

    people: People = field(default_factory=dict)
    tags: Tags | None = None


NOTHING = Ingredients()


def draft_from(text: str, images: Sequence[DraftImage] = (), language: str | None = None) -> Draft:
    """A draft from typed text: a line of only `---` begins the next entry of a thread; images go with the first."""
    texts = thread_texts(text)
    parts = [DraftPart(texts[0], tuple(images)), *(DraftPart(piece) for piece in texts[1:])]
    return Draft(tuple(parts), language)


def answer_draft(text: str, images: Sequence[DraftImage], to: ReplyTo, language: str | None = None) -> Draft:
    """An answer as it goes out: parted by lines of `---` like a post, each part below the one before."""
    return replace(draft_from(text, images, language), reply_to=to)


def post_images(session: Session, post_id: int) -> list[PostImage]:
    """A post's images in their order."""
    return images_of(session, [post_id]).get(post_id, [])


def images_of(session: Session, post_ids: Collection[int]) -> dict[int, list[PostImage]]:
    """The images of many posts, each post's in their order. One statement."""
    rows = session.execute(
        select(PostMedia, MediaAsset)
        .join(MediaAsset, col(MediaAsset.id) == col(PostMedia.media_id))
        .where(col(PostMedia.post_id).in_(post_ids))
        .order_by(col(PostMedia.post_id), col(PostMedia.position))
    ).all()
    found: dict[int, list[PostImage]] = {}
    for m, a in rows:
        image = PostImage(
            *(a.id, m.alt, a.filename, a.mime, a.size, a.width, a.height, str(media_path(a.sha256, a.mime))),
            focus=None if m.focal_x is None or m.focal_y is None else (m.focal_x, m.focal_y),
            duration=a.duration,
            frame_rate=a.frame_rate,
        )
        found.setdefault(m.post_id, []).append(image)
    return found


def channel_draft(post: PostText, variant: str | None, network: str, taken: Ingredients = NOTHING) -> Draft:
    """What goes out on a channel of this network: its variant or the post's text, with all that is made of it. Pure.

    A line of only `---` begins the next entry of a thread; images go with the first. Names in `@[…]` become handles,
    links get the campaign's parameters. The first comment is one more entry, below the first. A content warning stands
    above the text where the network has none of its own: readers are warned all the same.
    """
    can = connector_class(network).capabilities

    def finished(text: str) -> str:
        if post.tagged and taken.tags is not None:
            text = tag_links(text, taken.tags.on(network), post.untagged_links)
        return named_people.with_handles(text, network, taken.people)

    said = post.text if variant is None else variant
    texts = [finished(piece) for piece in thread_texts(said)]
    if post.content_warning and not can.content_warnings:
        texts[0] = f"{_warning(post.content_warning)}\n\n{texts[0]}".rstrip()
    parts = [DraftPart(texts[0], post.images), *(DraftPart(text) for text in texts[1:])]
    if post.first_comment.strip():
        comment = "\n\n".join(thread_texts(post.first_comment))
        parts.append(DraftPart(finished(comment), comment=True))
    remarks = [
        f"Nobody in the list of people is called “{name}”: only the name will stand there."
        for name in named_people.unknown(named_people.names_in(said, post.first_comment), taken.people)
    ]
    return Draft(
        tuple(parts),
        post.language,
        content_warning=post.content_warning,
        visibility=post.visibility,
        remarks=tuple(remarks),
    )


def _warning(text: str) -> str:
    return text if text.casefold().startswith(("cw", "tw", "content", "inhalt", "trigger")) else f"CW: {text}"


def ingredients(session: Session, texts: Iterable[str], campaign: str = "") -> Ingredients:
    """What drafts with these texts take from the database, for a campaign by its name, which may be new: at most two
    statements."""
    people = named_people.known(session, named_people.names_in(*texts))
    if not campaign.strip():
        return Ingredients(people)
    row = session.execute(select(Campaign).where(col(Campaign.name) == campaign.strip())).scalar_one_or_none()
    return Ingredients(people, _tags(row) if row is not None else Tags(campaign.strip()))


def draft_of(session: Session, delivery: Delivery) -> Draft:
    """What a delivery publishes: its variant or the post's text, or an answer with what it replies to."""
    if delivery.message_id is not None:
        return _answer_draft(session, delivery)
    found = drafts_of(session, [delivery])
    if not found:
        raise Rejected("The post of this delivery is gone.")
    return found[delivery.id]


def drafts_of(session: Session, deliveries: Sequence[Delivery]) -> dict[int, Draft]:
    """What many deliveries of posts publish, by their numbers: the same as `draft_of`, in a constant number of
    statements (two; a third where people are named, a fourth where links are tagged). Deliveries whose post is gone,
    and answers, are left out."""
    asked = select(col(Delivery.id), Post, col(Channel.network)).where(
        col(Delivery.id).in_([row.id for row in deliveries]),
        col(Post.id) == col(Delivery.post_id),
        col(Channel.id) == col(Delivery.channel_id),
    )
    found = {delivery_id: (post, network) for delivery_id, post, network in session.execute(asked).all()}
    posts = {post.id: post for post, _ in found.values()}
    images = images_of(session, posts)
    texts = [text for post in posts.values() for text in (post.text, post.first_comment)]
    people = named_people.known(session, named_people.names_in(*texts, *(row.text or "" for row in deliveries)))
    tags = _campaign_tags(session, {post.campaign_id for post in posts.values() if post.tagged and post.campaign_id})
    said = {post.id: _stored(post, images.get(post.id, ())) for post in posts.values()}
    drafts: dict[int, Draft] = {}
    for row in deliveries:
        if row.id in found:
            post, network = found[row.id]
            taken = Ingredients(people, tags.get(post.campaign_id or 0))
            drafts[row.id] = channel_draft(said[post.id], row.text, network, taken)
    return drafts


def _stored(post: Post, images: Iterable[PostImage]) -> PostText:
    return PostText(
        text=post.text,
        language=post.language,
        content_warning=post.content_warning,
        visibility=post.visibility,
        first_comment=post.first_comment,
        tagged=post.tagged,
        untagged_links=tuple(post.untagged_links or ()),
        images=tuple(image.for_draft() for image in images),
    )


def _campaign_tags(session: Session, ids: Collection[int]) -> dict[int, Tags]:
    if not ids:
        return {}
    rows = session.execute(select(Campaign).where(col(Campaign.id).in_(ids))).scalars()
    return {row.id: _tags(row) for row in rows}


def _tags(row: Campaign) -> Tags:
    return Tags(row.name, row.utm_source, row.utm_medium, row.utm_campaign)


def _answer_draft(session: Session, delivery: Delivery) -> Draft:
    found = session.execute(
        select(Message, Conversation, Contact)
        .join(Conversation, col(Conversation.id) == col(Message.conversation_id))
        .outerjoin(Contact, col(Contact.id) == col(Conversation.contact_id))
        .where(col(Message.id) == delivery.message_id)
    ).one_or_none()
    if found is None:
        raise Rejected("The answer of this delivery is gone.")
    message, talk, contact = found
    if not message.reply_to:
        raise Rejected("The message that this answers is gone.")
    chosen = own_images(message.media)
    images = draft_images(session, chosen)
    if len(images) < len(chosen):
        raise Rejected("An image of this answer is gone. Discard the answer, then add the image again.")
    to = ReplyTo(message.reply_to, talk.remote_id, talk.kind, contact.handle if contact else "")
    return answer_draft(delivery.text or message.text, images, to, message.language)


def own_images(media: Sequence[dict[str, Any]] | None) -> list[tuple[int, str]]:
    """(media id, alt text) of the images that a message of ours was written with, in their order."""
    return [(int(m["media_id"]), str(m.get("alt") or "")) for m in media or () if m.get("media_id") is not None]


def problems_of(channel: Channel, draft: Draft) -> list[Problem]:
    """What stands against this draft on this channel: errors block, warnings ask."""
    return problems_for(channel.network, Limits.from_json(channel.limits), draft)


def problems_for(network: str, limits: Limits, draft: Draft) -> list[Problem]:
    """The same, for the composer, which has no row at hand."""
    return validate(connector_class(network), draft, limits)


def lengths(network: str, limits: Limits, draft: Draft) -> tuple[int, ...]:
    """How long the network counts each part, with all that it counts; `limits.text_length` is what a part may have."""
    connector = connector_class(network)
    return tuple(connector.part_length(draft, number, limits) for number in range(len(draft.parts)))


def first_error(problems: Sequence[Problem]) -> Problem | None:
    """The first that blocks."""
    return next((problem for problem in problems if problem.severity is Severity.ERROR), None)


def local_to_utc(local: datetime, zone: ZoneInfo) -> tuple[datetime, str | None]:
    """A wall-clock time as UTC, and a sentence on the two odd nights of the year.

    A time that summer time skips moves to the first moment that exists; one that comes twice is the first of the two.
    """
    local = local.replace(tzinfo=None, fold=0)
    moment = local.replace(tzinfo=zone).astimezone(UTC)
    there = moment.astimezone(zone).replace(tzinfo=None)
    if there != local:
        # The gap: with fold=0 the offset before the change was used, which lands as far after it as `local` was in.
        after = local.replace(tzinfo=zone, fold=1).utcoffset() or timedelta()
        before = local.replace(tzinfo=zone, fold=0).utcoffset() or timedelta()
        moment = _first_after_gap(local, zone, before, after)
        shown = moment.astimezone(zone)
        return moment, f"{local:%H:%M} doesn't exist that night (summer time begins). It goes out at {shown:%H:%M}."
    twice = local.replace(tzinfo=zone, fold=1).astimezone(UTC) != moment
    return moment, f"{local:%H:%M} comes twice that night. It goes out the first time." if twice else None


def _first_after_gap(local: datetime, zone: ZoneInfo, before: timedelta, after: timedelta) -> datetime:
    """The moment at which the clock jumps: searched between the readings of both offsets."""
    low, high = sorted(((local - before).replace(tzinfo=UTC), (local - after).replace(tzinfo=UTC)))
    start = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == start:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)
