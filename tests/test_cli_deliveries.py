"""What goes out, on the command line: journal, outbox, what needs care, and what is published."""

import json
from typing import Any

from typer.testing import CliRunner

from core import db
from core.cli import app
from core.models.planning import Delivery, DeliveryState
from core.services import proofs, publishing
from tests.fake_network import Clock, FakeNetwork, clock, network
from tests.services.test_publishing import planned, row

__all__ = ["clock", "network"]


def run(*words: object, code: int = 0) -> tuple[str, str]:
    """(standard output, standard error) of a `post` command that must end with this code."""
    ran = CliRunner().invoke(app, ["post", *map(str, words)])
    assert ran.exit_code == code, ran.output
    return ran.stdout.strip(), " ".join(ran.stderr.split())


def listed(*words: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(*words, "--json")[0])
    return found


def test_a_post_has_its_journal_and_its_place_in_the_outbox(network: FakeNetwork, clock: Clock) -> None:
    delivery = planned("Frisch geröstet")
    publishing.publish_due()
    clock.advance(6)
    proofs.look_due()
    lines = listed("journal", row(delivery).post_id)
    assert [line["what"] for line in lines] == ["intended", "sent", "accepted", "seen"]
    assert {(line["delivery"], line["part"], line["times"]) for line in lines} == {(delivery, 1, 1)}
    assert "accepted" in run("journal", row(delivery).post_id)[0]
    (out,) = listed("outbox")
    assert (out["part"], out["title"], out["delivery"]) == ("published", "Frisch geröstet", delivery)
    assert [step["word"] for step in out["proof"]] == ["Intended", "Sent", "Accepted", "Seen"]
    assert "Seen" in run("outbox")[0]


def test_what_is_published_is_changed_and_taken_down(network: FakeNetwork) -> None:
    delivery = planned("Alt")
    publishing.publish_due()
    run("edit-published", delivery, "--text", "Neu")
    assert network.texts() == ["Neu"]
    assert "Nothing is changed" in run("edit-published", delivery, "--text", "Neu", code=1)[1]
    run("edit-published", "--post", row(delivery).post_id, "--text", "Neuer")
    assert network.texts() == ["Neuer"]
    assert "Taken down" in run("delete-published", "--post", row(delivery).post_id)[0]
    assert network.texts() == [] and row(delivery).state is DeliveryState.DELETED
    assert "already" in run("delete-published", delivery, code=1)[1]
    run("delete-published", code=2)


def test_many_are_decided_at_once_and_what_cannot_be_is_said(network: FakeNetwork) -> None:
    made = [planned(f"Nummer {number}") for number in range(4)]
    with db.write() as session:
        for delivery, state in zip(made, [DeliveryState.FAILED] * 2 + [DeliveryState.UNCONFIRMED] * 2, strict=True):
            found = session.get_one(Delivery, delivery)
            found.state, found.due_at, found.last_error = state, None, "Refused."
    assert [(one["id"], one["care"]) for one in listed("care")] == [
        *[(made[3], "unconfirmed"), (made[2], "unconfirmed"), (made[1], "failed"), (made[0], "failed")]
    ]
    done, refused = run("retry", made[0], made[2], code=1)
    assert "on its way again" in done and "may be online" in refused
    run("give-up", made[1])
    run("confirm", made[2], "--online")
    run("confirm", made[3], "--not-online")
    states = [row(delivery).state.value for delivery in made]
    assert states == ["scheduled", "cancelled", "published", "scheduled"]
    assert run("care")[0] == "Nothing needs care."
    assert "isn't gone" in run("note-gone", made[2], code=1)[1]
