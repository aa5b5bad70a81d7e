"""Campaigns: posts that belong together, with period, goal and audience, and how far they are.

A campaign that is made by its name alone (in the table, the composer, an import) is filled in here later.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlmodel import Session, col

from core.db import utc_now
from core.errors import NotFound, UserError
from core.models.analytics import Publication
from core.models.planning import Campaign, CampaignGoal, Delivery, Post, PostState
from core.services.labels import COLORS
from core.services.team import Actor, Right, audit, require

NAME_LENGTH, AUDIENCE_LENGTH, UTM_LENGTH = 80, 200, 80  # characters
WAITING = (PostState.IDEA, PostState.DRAFT, PostState.IN_REVIEW, PostState.APPROVED)


@dataclass(frozen=True)
class CampaignForm:
    """What can be said of a campaign. Empty UTM words follow from the network and the name (`utm.py`)."""

    name: str
    color: str = "gray"
    starts_on: date | None = None
    ends_on: date | None = None  # the last day
    goal: CampaignGoal | None = None
    audience: str = ""
    paid: bool = False  # advertising that the law wants labelled
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""


@dataclass(frozen=True)
class CampaignRow:
    """A campaign and how far it is: posts by what became of them, and reactions to what was published."""

    id: int
    form: CampaignForm
    archived_at: datetime | None
    waiting: int = 0  # ideas, drafts, in review, approved
    scheduled: int = 0
    published: int = 0
    care: int = 0
    reactions: int = 0
    next_at: datetime | None = None  # of the next scheduled post


def campaigns(session: Session, archived: bool = False) -> tuple[CampaignRow, ...]:
    """All campaigns, the running ones by their end, then those without; `archived` adds those put away. Three
    statements."""
    rows = session.execute(
        select(Campaign)
        .where(*([] if archived else [col(Campaign.archived_at).is_(None)]))
        .order_by(col(Campaign.archived_at).is_not(None), col(Campaign.ends_on).is_(None), col(Campaign.ends_on),
                  func.lower(col(Campaign.name)))
    ).scalars().all()  # fmt: skip
    posts, reactions = _posts(session), _reactions(session)
    return tuple(
        CampaignRow(row.id, _form(row), row.archived_at, **posts.get(row.id, {}), reactions=reactions.get(row.id, 0))
        for row in rows
    )


def campaign(session: Session, campaign_id: int) -> CampaignForm:
    """What is said of one. Raises `NotFound`."""
    return _form(_row(session, campaign_id))


def colors(session: Session) -> dict[str, str]:
    """The colour of each campaign, by its name. One statement."""
    rows = session.execute(select(col(Campaign.name), col(Campaign.color))).all()
    return {row.name: row.color for row in rows}


def _posts(session: Session) -> dict[int, dict[str, Any]]:
    """Numbers of posts by campaign; cancelled ones don't count."""

    def counted(*states: PostState) -> Any:
        return func.sum(case((col(Post.state).in_(states), 1), else_=0))

    soonest = func.min(case((col(Post.state) == PostState.SCHEDULED, col(Post.planned_at)), else_=None))
    rows = session.execute(
        select(
            col(Post.campaign_id),
            counted(*WAITING),
            counted(PostState.SCHEDULED),
            counted(PostState.PUBLISHED),
            counted(PostState.NEEDS_CARE),
            soonest,
        )
        .where(col(Post.campaign_id).is_not(None))
        .group_by(col(Post.campaign_id))
    )
    names = ("waiting", "scheduled", "published", "care", "next_at")
    return {number: dict(zip(names, counts, strict=True)) for number, *counts in rows}


def _reactions(session: Session) -> dict[int, int]:
    """Likes, shares, comments and quotes of what was published, by campaign."""
    p = Publication
    total = func.sum(col(p.likes) + col(p.shares) + col(p.comments) + col(p.quotes))
    rows = session.execute(
        select(col(Post.campaign_id), total)
        .join(Delivery, col(Delivery.post_id) == col(Post.id))
        .join(p, col(p.delivery_id) == col(Delivery.id))
        .where(col(Post.campaign_id).is_not(None))
        .group_by(col(Post.campaign_id))
    )
    return {number: int(count or 0) for number, count in rows}


# --- changing ---------------------------------------------------------------------------------------------------------


def create_campaign(session: Session, actor: Actor, form: CampaignForm) -> int:
    """Add a campaign; gives its number. Raises `UserError` with what to put right."""
    require(actor, Right.PLAN)
    checked = _checked(session, form, None)
    row = Campaign(**checked.__dict__)
    session.add(row)
    session.flush()
    audit(session, actor, "campaign.add", f"campaign:{row.id}", row.name)
    return row.id


def change_campaign(session: Session, actor: Actor, campaign_id: int, form: CampaignForm) -> None:
    """Say other things of it. Posts that are approved with it need approval again if what readers see changes."""
    require(actor, Right.PLAN)
    row = _row(session, campaign_id)
    for name, value in _checked(session, form, campaign_id).__dict__.items():
        setattr(row, name, value)
    audit(session, actor, "campaign.change", f"campaign:{campaign_id}", row.name)
    session.flush()


def archive_campaign(session: Session, actor: Actor, campaign_id: int, archived: bool = True) -> None:
    """Put it away, or take it out again; its posts stay as they are."""
    require(actor, Right.PLAN)
    row = _row(session, campaign_id)
    row.archived_at = utc_now() if archived else None
    audit(session, actor, "campaign.archive" if archived else "campaign.restore", f"campaign:{campaign_id}", row.name)
    session.flush()


def delete_campaign(session: Session, actor: Actor, campaign_id: int) -> None:
    """Remove it; its posts stay, without a campaign. Refused while posts are scheduled with it."""
    require(actor, Right.PLAN)
    row = _row(session, campaign_id)
    scheduled = select(col(Post.id)).where(col(Post.campaign_id) == row.id, col(Post.state) == PostState.SCHEDULED)
    if session.execute(scheduled.limit(1)).first():
        raise UserError("Posts are scheduled with this campaign. Archive it instead, or take them out first.")
    audit(session, actor, "campaign.delete", f"campaign:{campaign_id}", row.name)
    session.delete(row)
    session.flush()


def _checked(session: Session, form: CampaignForm, campaign_id: int | None) -> CampaignForm:
    name = " ".join(form.name.split())
    if not name:
        raise UserError("Give the campaign a name.")
    if len(name) > NAME_LENGTH:
        raise UserError(f"The name is over {NAME_LENGTH} characters. Shorten it.")
    same = select(col(Campaign.id)).where(func.lower(col(Campaign.name)) == name.lower())
    taken = session.execute(same).scalars().first()
    if taken is not None and taken != campaign_id:
        raise UserError(f"There already is a campaign “{name}”. Choose another name.")
    if form.color not in COLORS:
        raise UserError(f"There is no colour “{form.color}”. Choose one of: {', '.join(COLORS)}.")
    if form.starts_on and form.ends_on and form.ends_on < form.starts_on:
        raise UserError("The campaign ends before it begins. Put the days in order.")
    return replace(
        form,
        name=name,
        audience=" ".join(form.audience.split())[:AUDIENCE_LENGTH],
        utm_source=_one_word("utm_source", form.utm_source),
        utm_medium=_one_word("utm_medium", form.utm_medium),
        utm_campaign=_one_word("utm_campaign", form.utm_campaign),
    )


def _one_word(name: str, typed: str) -> str:
    word = typed.strip()
    if len(word) > UTM_LENGTH or any(letter.isspace() for letter in word):
        raise UserError(f"{name} is one word without spaces, up to {UTM_LENGTH} characters.")
    return word


def _form(row: Campaign) -> CampaignForm:
    return CampaignForm(**{name: getattr(row, name) for name in CampaignForm.__dataclass_fields__})


def _row(session: Session, campaign_id: int) -> Campaign:
    row = session.get(Campaign, campaign_id)
    if row is None:
        raise NotFound("This campaign isn't there any more.")
    return row
