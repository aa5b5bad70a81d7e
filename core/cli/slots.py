"""`python -m core slot …`, `queue …`, `repeat …` and `post best-time`: when posts go out."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core import db
from core.cli.frame import Json, moment_of, room, sentence, show
from core.cli.post import post
from core.db import utc_now
from core.services.team import COMMAND_LINE

if TYPE_CHECKING:
    from core.services.recurrence_rules import Rule

slot = room("Times of the week at which channels like to publish.")
queue = room("Posts that wait for their slots.")
repeat = room("Posts that come again.")

ChannelOption = Annotated[int, typer.Option("--channel", help="Number of the channel.")]


# --- slots ----------------------------------------------------------------------------------------------------------


@slot.command("add")
def slot_add(
    channel_id: ChannelOption,
    day: Annotated[list[str], typer.Option("--day", help="mon … sun; may be repeated.")],
    at: Annotated[list[str], typer.Option("--at", help="Like 09:30, on the channel's clock; may be repeated.")],
) -> None:
    """Give a channel slots: each of the times on each of the days."""
    from core.services import slots
    from core.services.slot_times import weekday_of

    with db.write() as session:
        made = slots.add_slots(session, COMMAND_LINE, channel_id, [(weekday_of(d), a) for d in day for a in at])
    typer.echo(f"{made} new.")


@slot.command("list")
def slot_list(
    channel_id: Annotated[int | None, typer.Option("--channel", help="Number of a channel; else all.")] = None,
    as_json: Json = False,
) -> None:
    """Slots through the week."""
    from core.services import slots
    from core.services.slot_times import DAY_NAMES

    with db.read() as session:
        rows = slots.slots(session, [channel_id] if channel_id is not None else ())
        zones = slots.zones(session, {row.channel_id for row in rows})
    facts = [
        {
            "id": r.id,
            "channel_id": r.channel_id,
            "day": DAY_NAMES[r.weekday],
            "at": r.at,
            "zone": zones[r.channel_id].key,
        }
        for r in rows
    ]
    show(facts, as_json, "There are no slots yet.")


@slot.command("move")
def slot_move(
    slot_id: int,
    day: Annotated[str, typer.Option("--day", help="mon … sun.")],
    at: Annotated[str, typer.Option("--at", help="Like 09:30.")],
) -> None:
    """Move a slot; `queue close-gaps` brings what is queued there along."""
    from core.services import slots
    from core.services.slot_times import weekday_of

    with db.write() as session:
        slots.change_slot(session, COMMAND_LINE, slot_id, weekday_of(day), at)


@slot.command("delete")
def slot_delete(slot_id: int) -> None:
    """Remove a slot; what is queued there keeps its time."""
    from core.services import slots

    with db.write() as session:
        slots.delete_slot(session, COMMAND_LINE, slot_id)


@slot.command("next")
def slot_next(
    channel_id: Annotated[list[int], typer.Option("--channel", help="May be repeated: the first leads, all are free.")],
    after: Annotated[str, typer.Option(help="ISO 8601; else from now on.")] = "",
    count: Annotated[int, typer.Option(min=1, max=50, help="How many.")] = 1,
    as_json: Json = False,
) -> None:
    """The next free slots."""
    from core.services import slots

    start = moment_of(after) if after else None
    with db.read() as session:
        found = slots.free_slots(session, channel_id, start, count)
    rows = [{"at": one.at, "slot": one.slot.words, "note": one.note} for one in found]
    show(rows, as_json, "No slot is free: there are none, or all of two months are taken.")


# --- the queue ------------------------------------------------------------------------------------------------------


@queue.command("list")
def queue_list(channel_id: ChannelOption, as_json: Json = False) -> None:
    """What waits, in the order in which it goes out."""
    from core.services import queue as service

    with db.read() as session:
        rows = service.queue(session, channel_id)
    names = ("id", "at", "title", "state", "campaign", "channel_ids", "recurrence_id", "stray")
    show([{name: getattr(row, name) for name in names} for row in rows], as_json, "Nothing waits.")


@queue.command("add")
def queue_add(post_id: int, after: Annotated[str, typer.Option(help="ISO 8601; else from now on.")] = "") -> None:
    """Schedule a post at the next free slot of its channels; prints when."""
    from core.services import queue as service

    start = moment_of(after) if after else None
    with db.write() as session:
        at = service.enqueue(session, COMMAND_LINE, post_id, start)
    typer.echo(at.isoformat())


@queue.command("move")
def queue_move(
    post_id: int,
    channel_id: ChannelOption,
    to: Annotated[str, typer.Option("--to", help="up, down, top or bottom.")],
) -> None:
    """Give a post another place in the queue."""
    from core.services import queue as service

    if to not in ("up", "down", "top", "bottom"):
        raise typer.BadParameter("Write up, down, top or bottom.")
    with db.write() as session:
        service.move(session, COMMAND_LINE, channel_id, post_id, to)


@queue.command("shuffle")
def queue_shuffle(
    channel_id: ChannelOption, seed: Annotated[int | None, typer.Option(help="For the same order again.")] = None
) -> None:
    """Deal the times of a channel's queue anew."""
    from core.services import queue as service

    with db.write() as session:
        moved = service.shuffle(session, COMMAND_LINE, channel_id, seed)
    typer.echo(f"{moved} moved.")


@queue.command("close-gaps")
def queue_close_gaps(channel_id: ChannelOption) -> None:
    """Lay a channel's queue onto its slots anew, in order and without gaps."""
    from core.services import queue as service

    with db.write() as session:
        moved = service.close_gaps(session, COMMAND_LINE, channel_id)
    typer.echo(f"{moved} moved.")


# --- what comes again -----------------------------------------------------------------------------------------------


@repeat.command("add")
def repeat_add(
    post_id: int,
    every: Annotated[int, typer.Option(min=1, help="Every so many.")] = 1,
    unit: Annotated[str, typer.Option(help="day, week or month.")] = "week",
    day: Annotated[list[str] | None, typer.Option("--day", help="mon … sun, of a weekly one; may be repeated.")] = None,
    at: Annotated[str, typer.Option(help="Like 09:30.")] = "09:00",
    zone: Annotated[str, typer.Option(help="On whose clock; else the hub's.")] = "",
    start: Annotated[str, typer.Option("--from", help="First day, like 2026-12-01; else today.")] = "",
    until: Annotated[str, typer.Option(help="Last day, like 2026-12-31.")] = "",
    most: Annotated[int | None, typer.Option(help="So many posts at most.")] = None,
    evergreen: Annotated[bool, typer.Option("--evergreen", help="Into free slots, when the queue runs dry.")] = False,
    rest: Annotated[int, typer.Option(help="Days between two of an evergreen one.")] = 30,
) -> None:
    """Have a post come again; prints the number of the repetition. The post itself becomes the pattern."""
    from core.models.planning_time import RecurrenceKind, RecurrenceUnit
    from core.services import recurrences
    from core.services.recurrence_rules import Rule
    from core.services.slot_times import weekday_of, zone_of

    if unit not in list(RecurrenceUnit):
        raise typer.BadParameter("Write --unit day, week or month.")
    where = zone or zone_of(None).key
    with sentence("A day is written like 2026-12-01."):
        first = datetime.fromisoformat(start).date() if start else None
        last = datetime.fromisoformat(until).date() if until else None
    rule = Rule(
        kind=RecurrenceKind.EVERGREEN if evergreen else RecurrenceKind.CALENDAR,
        starts_on=first or utc_now().astimezone(zone_of(None)).date(),
        time_zone=where,
        every=every,
        unit=RecurrenceUnit(unit),
        weekdays=tuple(weekday_of(one) for one in day or ()),
        at=at,
        rest_days=rest,
        until_on=last,
        most=most,
    )
    _say_odd_nights(rule)
    with db.write() as session:
        number = recurrences.begin(session, COMMAND_LINE, post_id, rule)
    typer.echo(str(number))


def _say_odd_nights(rule: "Rule") -> None:
    """What the next times mean on the two odd nights of the year, on standard error."""
    from core.services.recurrence_rules import checked, occurrences

    for one in occurrences(checked(rule), utc_now(), 30):
        if one.note:
            typer.echo(f"{one.day}: {one.note}", err=True)


@repeat.command("list")
def repeat_list(as_json: Json = False) -> None:
    """All that comes again, the next first."""
    from core.services import recurrences

    with db.read() as session:
        rows = recurrences.recurrences(session)
    show([_facts(row) for row in rows], as_json, "Nothing comes again yet.")


def _facts(row: Any) -> dict[str, Any]:
    names = ("id", "post_id", "title", "words", "channel_ids", "made", "paused", "ended", "trouble")
    return {name: getattr(row, name) for name in names} | {"next": [*row.planned, *row.next]}


@repeat.command("pause")
def repeat_pause(recurrence_id: int) -> None:
    """No more copies for now; those that wait are taken back."""
    from core.services import recurrences

    with db.write() as session:
        back = recurrences.pause(session, COMMAND_LINE, recurrence_id)
    typer.echo(f"{back} taken back.")


@repeat.command("resume")
def repeat_resume(recurrence_id: int) -> None:
    """Go on, from now."""
    from core.services import recurrences

    with db.write() as session:
        recurrences.resume(session, COMMAND_LINE, recurrence_id)


@repeat.command("end")
def repeat_end(recurrence_id: int) -> None:
    """It comes no more; its post is an ordinary draft again."""
    from core.services import recurrences

    with db.write() as session:
        back = recurrences.end(session, COMMAND_LINE, recurrence_id)
    typer.echo(f"{back} taken back.")


# --- best times -----------------------------------------------------------------------------------------------------


@post.command("best-time")
def post_best_time(
    channel_id: ChannelOption,
    count: Annotated[int, typer.Option(min=1, max=20, help="How many.")] = 3,
    as_json: Json = False,
) -> None:
    """The best free times for a post on this channel, with their reasons; or why nothing can be said."""
    from core.services import best_times, channels

    with db.read() as session:
        channels.channel(session, channel_id)
        found = best_times.best_times(session, channel_id)
        offered = best_times.suggestions(session, found, count=count)
    if not offered or not as_json:
        typer.echo(best_times.answer(found), err=True)
    rows = [
        {"at": one.at, "hour": one.hour.words, "zone": found.zone.key, "effect": round(one.hour.effect, 3),
         "low": round(one.hour.low, 3), "high": round(one.hour.high, 3), "count": one.hour.count,
         "confidence": one.hour.level, "reason": one.reason}
        for one in offered
    ]  # fmt: skip
    show(rows, as_json, "No time is suggested.")
