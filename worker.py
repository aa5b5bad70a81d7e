"""The process that talks to the networks: `python worker.py` until SIGTERM, `python worker.py --once` for what is due.

It only decides when to look and how much may run at once; what is done is in `core/services`. Two of them at once do no
harm, and one that is killed leaves nothing that the next one wouldn't find.
"""

import argparse
import logging
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable

import schedule

from core import db
from core.services import (
    at_risk,
    channels,
    composer_drafts,
    feeds,
    health,
    inbox_waking,
    media_cleaning,
    notice_sending,
    notices,
    proofs,
    publishing,
    recurrence_work,
    sandbox,
    service_time,
    sync,
    triage,
    weblinks,
)
from core.services.crew import Alarm, Crew, safely
from core.services.logs import set_up_logging
from core.settings import settings

log = logging.getLogger("hub.worker")

LOOK_SECONDS = 0.7  # what somebody else puts into the plan is noticed so soon; what is known goes out on the dot
LEAST_SECONDS = 0.05
PATIENCE_SECONDS = 15.0  # so long reading back what is published waits for what is to be sent
LAST_SECONDS = 10.0  # for the work in hand when told to stop
SOON_SECONDS = 6.0  # `--once` waits for what follows so soon (looks at unknown outcomes), …
ONCE_SECONDS = 60.0  # … for so long


class Worker:
    """Looks, and hands what is due to its crews, until `stop` is set."""

    def __init__(self) -> None:
        self.id = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(3)}"
        self.stop = threading.Event()
        self.publishers = Crew("publish", settings().publish_threads)
        self.syncers = Crew("sync", settings().sync_threads)
        self.keepers = Crew("keep", 2)  # housekeeping that may take its time
        self.triagers = Crew("triage", 1)
        self.provers = Crew("prove", 2)
        self.looked_back = 0.0
        self.changes = db.Changes()
        self.posts, self.syncs = Alarm(publishing, self.changes), Alarm(sync, self.changes)
        self.crews = (self.publishers, self.syncers, self.triagers, self.provers, self.keepers)
        self.arrivals, self.proofs = Alarm(triage, self.changes), Alarm(proofs, self.changes)
        self.clock = schedule.Scheduler()
        every = self.clock.every
        every(2).seconds.do(safely, self.look_for_syncs)
        every(2).seconds.do(safely, self.look_at_arrivals)
        every(1).seconds.do(safely, self.look_back)
        every(10).seconds.do(safely, self.write, health.beat, self.id)
        every(max(1, int(settings().lease_seconds / 4))).seconds.do(safely, self.renew)
        every(5).seconds.do(self.keepers.start, sandbox.ensure_running)
        every(10).seconds.do(safely, self.wake_snoozed)
        every(15).seconds.do(self.keepers.start, service_time.watch)
        every(5).seconds.do(self.keepers.start, notice_sending.send_due)
        every(3600).seconds.do(safely, self.write, notices.forget_old)
        every(3600).seconds.do(safely, self.write, composer_drafts.forget_old)
        every(60).seconds.do(self.keepers.start, channels.purge_removed)
        every(30).seconds.do(self.keepers.start, recurrence_work.plan_ahead)
        every(6 * 3600).seconds.do(self.keepers.start, media_cleaning.clear_away)
        every(600).seconds.do(self.keepers.start, at_risk.warn_authors)
        every(4).seconds.do(self.keepers.start, weblinks.check_due)
        every(3600).seconds.do(self.keepers.start, weblinks.look_after_links)
        every(15).seconds.do(self.keepers.start, feeds.read_due)

    def run(self) -> None:
        """Until told to stop."""
        self.keepers.start(sandbox.ensure_running)
        self.begin()
        while not self.stop.wait(min(LOOK_SECONDS, max(LEAST_SECONDS, self.posts.seconds()))):
            self.clock.run_pending()
            safely(self.look_for_posts)
        self.end()

    def once(self) -> None:
        """All that is due now, and what follows from it within seconds."""
        safely(sandbox.ensure_running)
        safely(recurrence_work.plan_ahead)
        self.begin()
        until = time.monotonic() + ONCE_SECONDS
        while not self.stop.wait(0.05):
            self.clock.run_pending()
            self.look_for_posts()
            self.look_for_syncs()
            self.look_at_arrivals()
            if self.publishers.idle and self.syncers.idle and self.triagers.idle and not self.due(until):
                break
        safely(service_time.watch)
        safely(notice_sending.send_due)
        self.end()

    def begin(self) -> None:
        """Show that we are here."""
        log.info("started worker=%s", self.id)
        safely(self.write, health.beat, self.id)
        safely(self.look_for_syncs)
        safely(self.wake_snoozed)

    def end(self) -> None:
        """Take nothing new, finish what is in hand, go."""
        self.stop.set()
        deadline = time.monotonic() + LAST_SECONDS
        done = [crew.finish(deadline - time.monotonic()) for crew in self.crews]
        self.changes.close()
        safely(sandbox.stop)
        safely(self.write, health.sign_off, self.id)
        log.info("stopped worker=%s%s", self.id, "" if all(done) else ", the next one looks at what was in hand")
        if not all(done):
            logging.shutdown()
            os._exit(0)  # threads that hang would keep the process

    def due(self, until: float) -> bool:
        """Whether anything is due now, or follows soon."""
        soon = SOON_SECONDS if time.monotonic() < until else 0.0
        with db.read() as session:
            return publishing.anything_due(session, soon) or sync.anything_due(session) or triage.anything_due(session)

    def look_for_posts(self) -> None:
        """Start what is due to go out."""
        free = self.publishers.free
        for claim in publishing.claim_now(free) if free and self.posts.rings() else ():
            self.publishers.start(publishing.run, claim, self.stop.is_set)

    def look_for_syncs(self) -> None:
        """Start the syncs that are due."""
        free = self.syncers.free
        for claim in sync.claim_due(self.id, free) if free and self.syncs.rings() else ():
            self.syncers.start(sync.run, claim)

    def look_at_arrivals(self) -> None:
        """Look at what came in: language, mood, rules, deadline."""
        if self.triagers.free and self.arrivals.rings():
            self.triagers.start(triage.run, triage.BATCH, self.stop.is_set)

    def look_back(self) -> None:
        """Read back what was published: is it there? While posts go out, that comes first, for some seconds."""
        if not self.publishers.idle and time.monotonic() - self.looked_back < PATIENCE_SECONDS:
            return
        self.looked_back = time.monotonic()
        free = self.provers.free
        for batch in proofs.claim_due(free) if free and self.proofs.rings() else ():
            self.provers.start(proofs.look, batch)

    def wake_snoozed(self) -> None:
        """Open the conversations again that were put off until now."""
        while inbox_waking.anything_due():
            self.write(inbox_waking.wake_snoozed)

    def renew(self) -> None:
        """Keep the claims on what is being worked on."""
        self.write(publishing.renew_held)
        self.write(sync.renew_held)

    def write(self, call: Callable[..., object], *given: object) -> None:
        """One short transaction."""
        with db.write() as session:
            call(session, *given)


def main() -> int:
    """The command line. Exit code 0 done, 1 could not."""
    parser = argparse.ArgumentParser(description="Syncs the channels and publishes what is due.")
    parser.add_argument("--once", action="store_true", help="do all that is due, then end")
    once = parser.parse_args().once
    set_up_logging()
    if once and (fault := health.schema_fault()):
        sys.stderr.write(f"{fault}\n")
        return 1
    worker = Worker()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop.set())
    if once:
        worker.once()
        return 0
    said = None
    while (fault := health.schema_fault()) and not worker.stop.wait(1):
        # Web and worker start together, and only one of them migrates.
        log.log(logging.DEBUG if fault == said else logging.WARNING, "waiting: %s", fault)
        said = fault
    worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
