"""The worker plans copies of what comes again by itself."""

from datetime import date
from pathlib import Path

import schedule
from sqlmodel import select

import worker
from core import db
from core.models.planning import Post
from core.models.planning_time import RecurrenceKind, RecurrenceUnit
from core.services import recurrence_work, recurrences
from core.services.recurrence_rules import Rule
from core.services.team import COMMAND_LINE
from tests import factories


def test_the_worker_looks_twice_a_minute(hub: Path):
    post = factories.post(factories.channel().id)
    rule = Rule(RecurrenceKind.CALENDAR, date(2026, 1, 1), "Europe/Berlin", unit=RecurrenceUnit.DAY)
    with db.write() as session:
        recurrences.begin(session, COMMAND_LINE, post.id, rule)
        for copy in session.exec(select(Post).where(Post.recurrence_id.is_not(None))).all()[:2]:
            session.delete(copy)
    jobs = [job for job in worker.Worker().clock.jobs if recurrence_work.plan_ahead in job.job_func.args]
    assert [(job.interval, job.unit) for job in jobs] == [(30, "seconds")] and isinstance(jobs[0], schedule.Job)
    recurrence_work.plan_ahead()
    with db.read() as session:
        assert len(session.exec(select(Post).where(Post.recurrence_id.is_not(None))).all()) == recurrence_work.FEW
