"""What stands in the composer and isn't saved, as the drafts that would go out: the same way as for stored posts.

Nothing is written, and nothing is asked of a network.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlmodel import Session, col

from core.connectors.base import Draft, Limits
from core.models.planning import Campaign
from core.services import media
from core.services.channels import ChannelRow
from core.services.plan_changes import Changes
from core.services.plan_drafts import NOTHING, Ingredients, PostText, channel_draft, ingredients, lengths

PER_MILLE = 1000


@dataclass(frozen=True)
class TypedPost:
    """What was typed, what it takes from elsewhere, texts of their own, and what would go out, by channel."""

    said: PostText = field(default_factory=PostText)
    taken: Ingredients = NOTHING
    variants: dict[int, str] = field(default_factory=dict)
    drafts: dict[int, Draft] = field(default_factory=dict)

    def fullness(self, channels: Sequence[ChannelRow]) -> Callable[[str], int]:
        """How much of what one entry may have a text takes, in thousandths, where it takes most of these channels."""

        def measure(text: str) -> int:
            return max((_fullness(self.said, channel, self.taken, text) for channel in channels), default=0)

        return measure


@dataclass(frozen=True)
class CampaignLook:
    """How a campaign is marked: its colour, and a word on it."""

    color: str
    kind: str


def campaign_look(session: Session, name: str) -> CampaignLook | None:
    """The mark of the campaign of this name; None without one. One statement."""
    if not name.strip():
        return None
    row = session.execute(select(Campaign).where(col(Campaign.name) == name.strip())).scalar_one_or_none()
    if row is None:
        return CampaignLook("gray", "New campaign")
    return CampaignLook(
        row.color, "Advertising" if row.paid else (row.goal.value.capitalize() if row.goal else row.name)
    )


def typed_post(session: Session, changes: Changes, channels: Sequence[ChannelRow]) -> TypedPost:
    """Drafts of what is typed. At most three statements, however many channels there are."""
    images = media.draft_images(session, changes.images, dict(changes.focal or {})) if changes.images else []
    said = PostText(
        text=changes.text or "",
        language=changes.language or None,
        content_warning=" ".join((changes.content_warning or "").split()),
        visibility=changes.visibility or None,
        first_comment=changes.first_comment or "",
        tagged=bool(changes.tagged),
        untagged_links=changes.untagged_links or (),
        images=tuple(images),
    )
    variants = {number: text for number, text in (changes.variants or {}).items() if text and text.strip()}
    texts = [said.text, said.first_comment, *variants.values()]
    taken = ingredients(session, texts, changes.campaign or "")
    drafts = {channel.id: channel_draft(said, variants.get(channel.id), channel.network, taken) for channel in channels}
    return TypedPost(said, taken, variants, drafts)


def _fullness(said: PostText, channel: ChannelRow, taken: Ingredients, text: str) -> int:
    """Rounded up: 1000 fits, 1001 doesn't. Counts what goes out: handles, parameters, the warning."""
    draft = channel_draft(replace(said, text=text, first_comment="", images=()), None, channel.network, taken)
    limits: Limits = channel.limits
    length = max(lengths(channel.network, limits, draft))
    used = -(-length * PER_MILLE // limits.text_length)
    if limits.text_bytes:
        used = max(used, -(-len(draft.parts[0].text.encode()) * PER_MILLE // limits.text_bytes))
    return used
