"""`python -m core plan …` and `python -m core keydate …`."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from core import db
from core.cli import plan_files
from core.cli.frame import Json, room, sentence, show
from core.services.team import COMMAND_LINE
from core.settings import settings

plan = room("The content plan by days: what goes out when, gaps and clashes.")
keydate = room("Days that matter to the plan: fairs, launches, anniversaries.")

plan.command("export")(plan_files.plan_export)
plan.command("import")(plan_files.plan_import)

Month = Annotated[str | None, typer.Option(help="Which month, like 2026-12; without it, this one.")]
Channels = Annotated[list[int] | None, typer.Option("--channel", help="Only this channel; may be repeated.")]
GroupName = Annotated[str | None, typer.Option("--group", help="Only the channels of this group, by its name.")]


@plan.command("calendar")
def plan_calendar(
    month: Month = None, channel: Channels = None, group: GroupName = None, as_json: Json = False
) -> None:
    """Posts, public holidays and key dates of a month, in the team's time zone."""
    from core.services import plan_calendar as service

    calendar, days, _, zone = _looked(month, channel, group)
    show(service.calendar_facts(calendar, days, zone), as_json, "Nothing is planned in this month.")


@plan.command("gaps")
def plan_gaps(month: Month = None, channel: Channels = None, group: GroupName = None, as_json: Json = False) -> None:
    """Work days of a month without a post, from today on: on any channel, or on these alone."""
    from core.services import plan_calendar as service

    calendar, days, ids, zone = _looked(month, channel, group)
    today = db.utc_now().astimezone(zone).date()
    found = service.gaps(calendar, (day for day in days.work_days if day >= today), zone, ids)
    show([{"day": day, "weekday": f"{day:%A}"} for day in found], as_json, "No gap: there is a post on every work day.")


@plan.command("clashes")
def plan_clashes(month: Month = None, channel: Channels = None, group: GroupName = None, as_json: Json = False) -> None:
    """Posts less than an hour apart on one channel."""
    calendar, _, ids, zone = _looked(month, channel, group)
    rows = [
        asdict(clash) | {"at": clash.at.astimezone(zone), "next_at": clash.next_at.astimezone(zone)}
        for clash in calendar.clashes
        if ids is None or clash.channel_id in ids
    ]
    show(rows, as_json, "No clash.")


@keydate.command("list")
def keydate_list(as_json: Json = False) -> None:
    """All key dates, earliest first."""
    from core.services import key_dates

    with db.read() as session:
        rows = [asdict(row) for row in key_dates.key_dates(session)]
    show(rows, as_json, "There are no key dates yet.")


@keydate.command("add")
def keydate_add(
    name: Annotated[str, typer.Argument(help="What is on that day.")],
    day: Annotated[str, typer.Option(help="The day, like 2027-04-12.")],
    until: Annotated[str | None, typer.Option(help="The last day, if it is several.")] = None,
    color: Annotated[str, typer.Option(help="gray, blue, green, yellow, orange, red or violet.")] = "violet",
    yearly: Annotated[bool, typer.Option(help="It comes again every year.")] = False,
) -> None:
    """Write a key date down; prints its number."""
    from core.services import key_dates

    first, last = _day(day), _day(until) if until else None
    with db.write() as session:
        made = key_dates.add_key_date(session, COMMAND_LINE, name, first, last, color, yearly)
    typer.echo(str(made))


@keydate.command("delete")
def keydate_delete(key_date_id: int) -> None:
    """Forget a key date."""
    from core.services import key_dates

    with db.write() as session:
        key_dates.delete_key_date(session, COMMAND_LINE, key_date_id)


def _looked(
    month: str | None, channel: Sequence[int] | None, group: str | None
) -> tuple[Any, Any, set[int] | None, ZoneInfo]:
    """(calendar, days, the chosen channels or None, the team's zone)."""
    from core.services import plan_calendar as service
    from core.services.channels import channels
    from core.services.planning import PlanFilter

    zone = ZoneInfo(settings().time_zone)
    first = _day(f"{month}-01") if month else db.utc_now().astimezone(zone).date().replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    with db.read() as session:
        ids = set(channel) if channel else None
        if group is not None:
            named = {row.id for row in channels(session) if row.group.casefold() == group.casefold()}
            ids = named & ids if ids is not None else named
            if not ids:
                raise typer.BadParameter(f"There is no such channel in a group called “{group}”.")
        wanted = PlanFilter(channel_ids=tuple(ids or ()))
        calendar = service.calendar_month(
            session, wanted, service.start_of(first, zone), service.start_of(after, zone)
        )  # fmt: skip
        return calendar, service.days_to_know(session, first, after), ids, zone


def _day(text: str) -> date:
    with sentence(f"“{text}” is no day. Write it like 2026-12-01, a month like 2026-12."):
        return date.fromisoformat(text)
