"""`python -m core hours …` and `python -m core service …`."""

import re
from datetime import timedelta
from typing import Annotated, Any

import typer

from core import db
from core.cli.frame import Json, moment_of, room, show
from core.services.team import COMMAND_LINE

hours = room("When the team is there, and how soon it promises to answer.")
service = room("How fast the team answers.")

SHORT = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@hours.command("show")
def hours_show(as_json: Json = False) -> None:
    """Weekly hours, holidays, target, and the channels with a target of their own."""
    from core.services import service_hours
    from core.services.channels import channels
    from core.services.service_words import day_words

    with db.read() as session:
        found = service_hours.current(session)
        own = {row.handle: row.target_minutes for row in channels(session) if row.target_minutes is not None}
    if as_json:
        week = {name: day_words(spans) for name, spans in zip(SHORT, found.weekly, strict=True)}
        names = ("country", "region", "time_zone", "target_minutes", "undo_seconds")
        told = {"weekly": week, **{name: getattr(found, name) for name in names}, "channel_targets": own}
        show([told], True, "")
        return
    rows = [(name, day_words(spans) or "closed") for name, spans in zip(SHORT, found.weekly, strict=True)]
    place = " ".join(filter(None, (found.country, found.region))) or "none"
    rows += [("holidays", place), ("time zone", found.time_zone), ("target", f"{found.target_minutes} min")]
    rows += [(handle, f"{minutes} min") for handle, minutes in own.items()]
    rows += [("undo", f"{found.undo_seconds} s")]
    show([{"what": name, "is": value} for name, value in rows], False, "")


@hours.command("set")
def hours_set(
    day: Annotated[
        list[str] | None,
        typer.Option(help="Hours of a day or of some: mon-fri=9-12,13-17 or sat=closed. May be repeated."),
    ] = None,
    country: Annotated[str | None, typer.Option(help="Whose holidays are free, like DE; none: no holidays.")] = None,
    region: Annotated[str | None, typer.Option(help="State or region, like SN; none: the whole country.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Like Europe/Berlin.")] = None,
    target: Annotated[str | None, typer.Option(help="First answer within, like 90m or 4h; see --channel.")] = None,
    undo: Annotated[int | None, typer.Option(help="Seconds in which an answer can be taken back.")] = None,
    channel: Annotated[
        int | None, typer.Option(help="Set the target of this channel alone; --target hub takes it back.")
    ] = None,
) -> None:
    """Change what is named, keep the rest."""
    from dataclasses import replace

    from core.services import service_hours
    from core.services.service_words import minutes_of

    if channel is not None:
        others = (day, country, region, time_zone, undo)
        if target is None or any(value is not None for value in others):
            raise typer.BadParameter("With --channel give --target, and nothing else.")
        with db.write() as session:
            minutes = None if target == "hub" else minutes_of(target)
            service_hours.set_channel_target(session, COMMAND_LINE, channel, minutes)
        return
    changes: dict[str, Any] = {"time_zone": time_zone, "undo_seconds": undo}
    changes["target_minutes"] = minutes_of(target) if target is not None else None
    changes = {name: value for name, value in changes.items() if value is not None}
    if country is not None:
        changes |= {"country": _code(country), "region": None}  # another country has other regions
    if region is not None:
        changes["region"] = _code(region)
    with db.write() as session:
        now = service_hours.current(session)
        weekly = list(now.weekly)
        for text in day or ():
            for number, spans in _days(text).items():
                weekly[number] = spans
        if not changes and not day:
            raise typer.BadParameter("Name what to change, like --day mon-fri=9-17.")
        service_hours.save(session, COMMAND_LINE, replace(now, weekly=tuple(weekly), **changes))


def _code(text: str) -> str | None:
    return None if text.lower() == "none" else text


def _days(text: str) -> dict[int, tuple[tuple[int, int], ...]]:
    """“mon-fri=9-12,13-17” by weekday."""
    from core.services.service_words import spans_of

    match = re.fullmatch(r"(\w{3})(?:-(\w{3}))?=(.*)", text.strip().lower())
    first, last = (match.group(1), match.group(2) or match.group(1)) if match else ("", "")
    if match is None or first not in SHORT or last not in SHORT or SHORT.index(first) > SHORT.index(last):
        raise typer.BadParameter(f"“{text}” isn't understood. Write it like mon-fri=9-12,13-17 or sat=closed.")
    return {day: spans_of(match.group(3), day) for day in range(SHORT.index(first), SHORT.index(last) + 1)}


@service.command("report")
def service_report(
    days: Annotated[int, typer.Option(help="How many days back.", min=1, max=3650)] = 30,
    since: Annotated[str, typer.Option(help="From this time instead, ISO 8601.")] = "",
    until: Annotated[str, typer.Option(help="Until this time; without it until now.")] = "",
    channel: Annotated[list[int] | None, typer.Option(help="This channel alone. May be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """First answers and resolutions: median, 90th percentile (business seconds), share within the target."""
    from core.services import service_hours
    from core.services import service_report as reports

    end = moment_of(until) if until else db.utc_now()
    start = moment_of(since) if since else end - timedelta(days=days)
    with db.read() as session:
        zone = service_hours.current(session).zone
        found = reports.report(session, start, end, zone, tuple(channel or ()))
    rows = []
    for kind, part in (("first_answer", found.first), ("resolution", found.resolution)):
        rows.append(_row(kind, "total", None, "", part.total, None))
        for split, lines in (("channel", part.by_channel), ("member", part.by_member), ("week", part.by_week)):
            rows += [_row(kind, split, line.key, line.name, line.figures, line.target_minutes) for line in lines]
    if not as_json:
        rows = [{name: value for name, value in row.items() if name != "key"} for row in rows]
        typer.echo(f"Waiting now: {found.waiting}, past the target: {found.overdue}", err=True)
    show(rows, as_json, "")


def _row(kind: str, split: str, key: Any, name: str, figures: Any, target: int | None) -> dict[str, Any]:
    def whole(seconds: float | None) -> int | None:
        return None if seconds is None else round(seconds)

    return {
        **{"kind": kind, "by": split, "key": key, "name": name, "count": figures.count},
        **{"median_seconds": whole(figures.median), "p90_seconds": whole(figures.p90)},
        "within_target": None if figures.within is None else round(figures.within, 4),
        "target_minutes": target,
    }
