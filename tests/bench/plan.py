"""The plan with 10,000 posts: a page of its table, a month of its calendar, its board; in a hub that was seeded.

The seed spreads them over 400 days, so a month (six weeks of it) holds about 900 posts. Server time: the services' own
statements, and turning the rows into what is sent to the browser. The floor reads the same rows by plain sqlite3.
"""

import sqlite3
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

PAGE = 200  # rows of the table
BERLIN = ZoneInfo("Europe/Berlin")
TABLE_TARGET, MONTH_TARGET = 100.0, 50.0  # ms, of the project


def _filters() -> list[Any]:
    """What people look at: from now on, everything, one channel, a word."""
    from core import db
    from core.services.planning import PlanFilter

    soon = db.utc_now() - timedelta(days=1)
    return [
        PlanFilter(since=soon),
        PlanFilter(),
        PlanFilter(since=soon, channel_ids=(3,)),
        PlanFilter(group_id=1),
        PlanFilter(text="kaffee"),
    ]


def table_page() -> list[int]:
    """The table's page under each filter, with what its editor is given; gives how many rows there were."""
    import pandas as pd
    import pyarrow as pa

    from core import db
    from core.services import channels, planning

    found = []
    for wanted in _filters():
        with db.read() as session:
            names = {row.id: row.handle for row in channels.channels(session)}
            planning.campaigns(session)
            rows = planning.plan(session, wanted, limit=PAGE).rows
            rows += planning.undated(session, wanted)
        data = pd.DataFrame([_cells(row, names) for row in rows])
        pa.Table.from_pandas(data)
        found.append(len(rows))
    return found


def _cells(row: Any, names: dict[int, str]) -> dict[str, Any]:
    """As the table gives them to its editor."""
    return {
        **{name: getattr(row, name) for name in ("id", "title", "text", "campaign", "trouble")},
        "channels": [names[i] for i in row.channel_ids if i in names],
        "when": row.planned_at.astimezone(BERLIN).replace(tzinfo=None) if row.planned_at else None,
        "state": row.state.value,
    }


def calendar_month() -> int:
    """This month, as the calendar's page draws it; gives how many posts it holds."""
    import json

    from core import db
    from core.services import channels, plan_calendar
    from core.services.planning import PlanFilter
    from core.ui.plan_events import MONTH, STATE, Look, events

    first, after = plan_calendar.weeks_of_month(_today())
    since, until = plan_calendar.start_of(first, BERLIN), plan_calendar.start_of(after, BERLIN)
    with db.read() as session:
        known = channels.channels(session)
        found = plan_calendar.calendar_month(session, PlanFilter(), since, until)
        days = plan_calendar.days_to_know(session, first, after)
    look = Look(BERLIN, MONTH, STATE, known, first, after, True)
    json.dumps(events(found, days, look))
    return len(found.posts)


def board() -> int:
    """The board's two statements; gives how many cards there are."""
    from core import db
    from core.services.plan_board import board as columns
    from core.services.planning import PlanFilter

    with db.read() as session:
        return sum(len(one.cards) for one in columns(session, PlanFilter()))


def table_plainly(plain: sqlite3.Connection) -> None:
    """The floor of `table_page`: as many rows, by index alone."""
    for _ in _filters():
        rows = plain.execute("SELECT * FROM post ORDER BY planned_at LIMIT ?", (PAGE,)).fetchall()
        marks = ",".join("?" * len(rows))
        plain.execute(f"SELECT * FROM delivery WHERE post_id IN ({marks})", [row[0] for row in rows]).fetchall()


def month_plainly(plain: sqlite3.Connection) -> None:
    """The floor of `calendar_month`: the same posts and deliveries."""
    from core.db import stored_time
    from core.services import plan_calendar

    days = plan_calendar.weeks_of_month(_today())
    span = [stored_time(plan_calendar.start_of(day, BERLIN)) for day in days]
    within = "planned_at >= ? AND planned_at < ?"
    plain.execute(f"SELECT id, title, state, planned_at FROM post WHERE {within}", span).fetchall()
    joined = f"SELECT post_id, channel_id FROM delivery JOIN post ON post.id = post_id WHERE {within}"
    plain.execute(joined, span).fetchall()


def _today() -> Any:
    from core import db

    return db.utc_now().astimezone(BERLIN).date()
