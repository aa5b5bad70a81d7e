"""Two workers read back what was published: each post once, in the sandbox as it is; and at rest they ask nothing."""

import pytest
from sqlmodel import select

from core import db
from core.models.planning import Delivery
from core.models.planning_work import DeliveryEvent, EventKind
from core.services import proofs
from core.services.crew import Alarm
from tests import factories
from tests.conftest import counted
from tests.reliability.conftest import Stage, nursery, sandbox, stage

__all__ = ["nursery", "sandbox", "stage"]


def test_what_goes_out_is_seen_once_by_whichever_worker_looks(stage: Stage) -> None:
    deliveries = [stage.plan(f"Nummer {number}", channel=number % 3) for number in range(6)]
    with stage.working(hurried=False), stage.working(hurried=False):
        stage.until(lambda: all(stage.row(delivery).seen_at for delivery in deliveries), seconds=60)
    with db.read() as session:
        seen = session.exec(select(DeliveryEvent).where(DeliveryEvent.kind == EventKind.SEEN)).all()
    assert sorted(line.delivery_id for line in seen) == deliveries
    assert "Traceback" not in stage.log.read_text()


@pytest.mark.usefixtures("hub")
def test_at_rest_nothing_is_asked() -> None:
    changes = db.Changes()
    alarm = Alarm(proofs, changes)
    assert not alarm.rings()
    with counted() as ran:
        assert not any(alarm.rings() for _ in range(50))
    assert ran == []
    post = factories.post(factories.channel().id, at=db.utc_now())
    with db.write() as session:
        session.exec(select(Delivery).where(Delivery.post_id == post.id)).one().proof_due_at = db.utc_now()
    assert alarm.rings(), "something was published"
    assert proofs.claim_due(2) == []  # it isn't published, so there is nothing to look for
    assert not alarm.rings()
    changes.close()
