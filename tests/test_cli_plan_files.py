"""The plan as a file on the command line: said first, done with `--apply`."""

from pathlib import Path

import pytest
from openpyxl import load_workbook

from core import db
from core.services import planning
from core.services.team import COMMAND_LINE
from tests import factories
from tests.test_cli import rows, run

pytestmark = pytest.mark.usefixtures("hub")


def titles() -> list[str]:
    with db.read() as session:
        return sorted(str(row["title"]) for row in planning.all_posts(session))


def test_new_posts_are_said_first_and_made_with_apply(tmp_path: Path):
    factories.channel(handle="@laden@social.example")
    file = tmp_path / "neu.csv"
    file.write_bytes("Was;Datum;Kanal\nGrüße;01.12.2027;laden\nFalsch;bald;laden\n".encode("cp1252"))
    said = rows("plan", "import", str(file), "--map", "text=Was")
    assert [(row["row"], row["verdict"], row["text"]) for row in said] == [
        (2, "import", "Grüße"),
        (3, "wrong", "Falsch"),
    ]
    assert said[0]["planned_at"] == "2027-12-01T08:00:00+00:00" and "no time" in said[1]["notes"][0]
    assert titles() == []
    done = rows("plan", "import", str(file), "--map", "text=Was", "--apply")
    assert done[0]["verdict"] == "imported" and done[0]["post_id"] and len(titles()) == 1
    assert rows("plan", "import", str(file), "--map", "text=Was")[0]["verdict"] == "duplicate"


def test_an_exported_file_comes_back_as_a_diff(tmp_path: Path):
    with db.write() as session:
        planning.create_post(session, COMMAND_LINE, title="Eins", text="Alt")
        planning.create_post(session, COMMAND_LINE, title="Zwei")
    file = tmp_path / "plan.xlsx"
    assert "2 posts" in run("plan", "export", str(file)).stderr
    assert rows("plan", "import", str(file)) == []
    book = load_workbook(file)
    book["Plan"]["C2"], book["Plan"]["C4"] = "Neu", "Drei"
    book.save(file)
    said = [(row["verdict"], row["old"], row["new"]) for row in rows("plan", "import", str(file))]
    assert said == [("changed", "Eins", "Neu"), ("new", None, "Drei")] and titles() == ["Eins", "Zwei"]
    rows("plan", "import", str(file), "--apply")
    assert titles() == ["Drei", "Neu", "Zwei"]


def test_wrong_use_is_a_sentence(tmp_path: Path):
    assert "must end in .xlsx or .csv" in run("plan", "export", str(tmp_path / "plan.pdf")).stderr.replace("\n", " ")
    missing = run("plan", "import", str(tmp_path / "nichts.csv"))
    assert missing.returncode == 1 and "can't be read" in missing.stderr
    (tmp_path / "a.csv").write_text("Text\nHallo\n")
    assert "no column" in run("plan", "import", str(tmp_path / "a.csv"), "--map", "title=Wo").stderr
