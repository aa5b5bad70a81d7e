"""`python -m core campaign …`."""

from datetime import date
from typing import Annotated

import typer

from core import db
from core.cli.frame import Json, room, sentence, show
from core.services.team import COMMAND_LINE

campaign = room("Campaigns: posts that belong together.")

Day = Annotated[str, typer.Option(help="A day, like 2026-12-01.")]


def _day(text: str) -> date | None:
    if not text:
        return None
    with sentence(f"“{text}” is no day. Write it like 2026-12-01."):
        return date.fromisoformat(text)


@campaign.command("list")
def campaign_list(
    archived: Annotated[bool, typer.Option(help="Archived ones too.")] = False, as_json: Json = False
) -> None:
    """All campaigns and how far they are."""
    from core.services import campaigns

    with db.read() as session:
        rows = campaigns.campaigns(session, archived)
    told = [
        {"id": row.id}
        | row.form.__dict__
        | {
            name: getattr(row, name)
            for name in ("waiting", "scheduled", "published", "care", "reactions", "archived_at")
        }
        for row in rows
    ]
    show(told, as_json, "There are no campaigns yet.")


@campaign.command("add")
def campaign_add(
    name: str,
    color: Annotated[str, typer.Option(help="gray, blue, green, yellow, orange, red or violet.")] = "gray",
    starts: Day = "",
    ends: Day = "",
    goal: Annotated[str, typer.Option(help="traffic, leads, image, support or opinion.")] = "",
    audience: Annotated[str, typer.Option(help="Who it is for.")] = "",
    paid: Annotated[bool, typer.Option(help="It is advertising: posts need a label.")] = False,
    utm_source: str = "",
    utm_medium: str = "",
    utm_campaign: str = "",
) -> None:
    """Add a campaign; prints its number."""
    from core.models.planning import CampaignGoal
    from core.services import campaigns

    with sentence("--goal is traffic, leads, image, support or opinion."):
        wanted = CampaignGoal(goal) if goal else None
    form = campaigns.CampaignForm(
        name, color, _day(starts), _day(ends), wanted, audience, paid, utm_source, utm_medium, utm_campaign
    )
    with db.write() as session:
        typer.echo(str(campaigns.create_campaign(session, COMMAND_LINE, form)))


@campaign.command("archive")
def campaign_archive(campaign_id: int, back: Annotated[bool, typer.Option(help="Take it out again.")] = False) -> None:
    """Put a campaign away; its posts stay as they are."""
    from core.services import campaigns

    with db.write() as session:
        campaigns.archive_campaign(session, COMMAND_LINE, campaign_id, not back)


@campaign.command("delete")
def campaign_delete(campaign_id: int) -> None:
    """Remove a campaign; its posts stay, without one."""
    from core.services import campaigns

    with db.write() as session:
        campaigns.delete_campaign(session, COMMAND_LINE, campaign_id)
