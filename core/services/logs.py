"""How this process writes its log: one line an event, times in UTC, to standard error. Nothing is logged here."""

import logging
import time

from core.settings import settings


class OneLine(logging.Formatter):
    """One line an event: a traceback's lines are joined."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        """As text without line breaks."""
        return " | ".join(super().format(record).splitlines())


def set_up_logging() -> None:
    """Our own events from `HUB_LOG_LEVEL` on; what libraries say only from warnings on (they name addresses)."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(asctime)sZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("hub").setLevel(settings().log_level.upper())
