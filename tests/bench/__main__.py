"""`make bench`: seeds a hub and measures it, each figure beside a floor taken in the same run.

The floor of a query is the same number of plain SQLite look-ups; of a click, an empty Streamlit page; of storing, plain
`executemany` of the same rows into the same tables; where there is none, the target of the project is printed instead.
"""

import argparse
import gc
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import tone_report
from tests.bench import browser, plan, publishing, rules, running, views

Row = dict[str, Any]


def p95(seconds: list[float]) -> float:
    """95th percentile, in milliseconds."""
    return statistics.quantiles(seconds, n=20)[-1] * 1000


def row(name: str, value: float, unit: str, floor: float) -> Row:
    """One line of the result; `ratio` is value by floor."""
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "floor": round(floor, 3),
        "ratio": round(value / floor, 3),
    }


def timed(call: Callable[[], Any], times: int) -> list[float]:
    """Seconds of each call, after a warm-up."""
    call()
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return found


def queries(folder: Path) -> list[Row]:
    """The inbox page's own queries and the search, against plain look-ups by primary key."""
    from core import db
    from core.services.channels import channels, groups
    from core.services.inbox import InboxFilter, conversation, conversations
    from core.services.overview import waiting_counts

    plain = sqlite3.connect(folder / "hub.db")
    most = plain.execute("SELECT max(id) FROM conversation").fetchone()[0]
    floor = p95(timed(lambda: [plain.execute("SELECT * FROM conversation WHERE id = ?", (i,)).fetchone()
                               for i in range(most - 30, most)], 60))  # fmt: skip
    views = [InboxFilter(), InboxFilter(state=None), InboxFilter(unread_only=True), InboxFilter(channel_ids=(3,)),
             InboxFilter(group_id=1)]  # fmt: skip

    def page(wanted: InboxFilter) -> None:
        with db.read() as session:
            waiting_counts(session), channels(session), groups(session)
            shown = conversations(session, wanted)
            if shown.rows:
                conversation(session, shown.rows[0].id)

    def search(words: str) -> None:
        with db.read() as session:
            conversations(session, InboxFilter(state=None, search=words))

    words = ["Kaffee", "der", "Bestellung 12345", "Segelkaffee-Lieferung", "größe", "battery", "Wilhelmsh", "the"]
    by_hand = "SELECT rowid FROM message_fts WHERE message_fts MATCH 'kaffee' ORDER BY rowid DESC LIMIT 30"
    by_index = p95(timed(lambda: plain.execute(by_hand).fetchall(), 60))
    looked = [s for wanted in views for s in timed(lambda w=wanted: page(w), 30)]
    sought = [s for word in words for s in timed(lambda w=word: search(w), 20)]
    plain.close()
    return [row("inbox_queries_p95", p95(looked), "ms", floor), row("search_p95", p95(sought), "ms", by_index)]


def team_views(folder: Path) -> list[Row]:
    """A view with five filters, against the project's target; a conversation of 500 messages, against plain SQL."""
    key = views.long_conversation()
    plain = sqlite3.connect(folder / "hub.db")
    shown = [s for wanted in views.five_filters() for s in timed(lambda w=wanted: views.show(w), 30)]
    opened = timed(lambda: views.open_(key), 60)
    floor = p95(timed(lambda: views.read_plainly(plain, key), 60))
    plain.close()
    return [
        row("inbox_filters_p95", p95(shown), "ms", views.TARGET),
        row("open_500_p95", p95(opened), "ms", floor),
    ]


def plan_views(folder: Path) -> list[Row]:
    """Table and calendar of a plan with 10,000 posts, against plain SQL and against the project's targets."""
    plain = sqlite3.connect(folder / "hub.db")
    filters, _ = len(plan.table_page()), plan.calendar_month()
    gc.collect()
    gc.freeze()  # as the web process does once all is loaded: `core/ui/garbage.py`
    table = [seconds / filters for seconds in timed(plan.table_page, 30)]
    by_index = [seconds / filters for seconds in timed(lambda: plan.table_plainly(plain), 30)]
    month, by_hand = timed(plan.calendar_month, 60), timed(lambda: plan.month_plainly(plain), 60)
    board = timed(plan.board, 60)
    plain.close()
    return [
        row("plan_table_p95", p95(table), "ms", plan.TABLE_TARGET),
        row("plan_table_by_sql", p95(table), "ms", p95(by_index)),
        row("plan_month_p95", p95(month), "ms", plan.MONTH_TARGET),
        row("plan_month_by_sql", p95(month), "ms", p95(by_hand)),
        row("plan_board_p95", p95(board), "ms", plan.TABLE_TARGET),
    ]


def sync_rate() -> list[Row]:
    """Messages stored a second by intake, in batches of 1,000, against `executemany` of the same rows."""
    from core import db
    from core.services import intake
    from core.services.seed import Writer
    from tests import factories
    from tests.bench.messages import batch, plain_rows

    channel, writer = factories.channel(), Writer(seed=3)
    batches = [batch(writer, number, 1000) for number in range(10)]
    start = time.perf_counter()
    for items in batches:
        with db.write() as session:
            intake.store_messages(session, channel, items)
    ours = 10_000 / (time.perf_counter() - start)
    twin, talk = factories.channel(), None
    talk = factories.conversation(twin.id)
    start = time.perf_counter()
    for items in batches:
        with db.write() as session:
            raw = session.connection().connection.cursor()
            raw.executemany(*plain_rows(items, twin.id, talk.id))
    return [row("sync_rate", ours, "messages/s", 10_000 / (time.perf_counter() - start))]


def in_folder(folder: Path, what: str) -> list[Row]:
    """Run one measurement in a process of its own, with its own data folder."""
    env = os.environ | {"HUB_DATA_DIR": str(folder)}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--only", what], env=env, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise SystemExit(ran.stderr[-3000:])
    return list(json.loads(ran.stdout.splitlines()[-1]))


def measure(messages: int, folder: Path) -> list[Row]:
    """Everything, one after another."""
    say = lambda words: print(words, file=sys.stderr, flush=True)  # noqa: E731
    big = folder / "big" / "data"
    big.mkdir(parents=True)
    env = os.environ | {"HUB_DATA_DIR": str(big)}
    say(f"seeding {messages} messages …")
    for name in ("anna", "bernd", "cem"):  # whom seeded conversations are assigned to
        subprocess.run([sys.executable, "-m", "core", "member", "add", f"{name}@bench.example", "--name", name.title(),
                        "--password-stdin"], env=env, check=True, input=f"{name} {name} {name}", text=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
    subprocess.run([sys.executable, "-m", "core", "seed", "--messages", str(messages), "--posts", "10000",
                    "--channels", "20"], env=env, check=True, stderr=subprocess.DEVNULL)  # fmt: skip
    say("tone …")
    rows: list[Row] = [row("tone_rate", tone_report.rate(), "texts/s", tone_report.PROMISED)]
    say("queries …")
    rows += in_folder(big, "queries")
    rows += in_folder(big, "views")
    rows += in_folder(big, "plan")
    say("clicks …")
    rows += browser.inbox_click(big)
    say("storing …")
    (folder / "sync").mkdir()
    subprocess.run(
        [sys.executable, "-m", "core", "migrate"], env=env | {"HUB_DATA_DIR": str(folder / "sync")}, check=True
    )
    rows += in_folder(folder / "sync", "sync") + in_folder(folder / "sync", "rules")
    say("publishing …")
    rows += running.publishing(folder)
    rows += [row(*figure) for figure in publishing.measure(folder)]
    say("at rest …")
    rows += running.at_rest(folder)
    return rows


def main() -> None:
    """Print a table; with `--json FILE` write the list too."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", choices=["queries", "views", "plan", "sync", "rules"])
    given = parser.parse_args()
    if given.only:
        folder = Path(os.environ["HUB_DATA_DIR"])
        measured = {"queries": lambda: queries(folder), "views": lambda: team_views(folder),
                    "plan": lambda: plan_views(folder), "sync": sync_rate,
                    "rules": lambda: [row("rules_rate", rules.rate(), "messages/s", rules.PROMISED)]}  # fmt: skip
        print(json.dumps(measured[given.only]()))
        return
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(given.messages, Path(folder))
    print(f"{'figure':28}{'value':>12} {'unit':12}{'floor':>12}{'ratio':>9}")
    for line in rows:
        print(f"{line['name']:28}{line['value']:>12} {line['unit']:12}{line['floor']:>12}{line['ratio']:>9}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
