"""Every error the hub decides on. What a network's answer means is decided in `connectors/http.py` alone."""

from datetime import datetime


class HubError(Exception):
    """Base of all errors that the hub raises on purpose."""


class UserError(HubError):
    """Something a person can put right; `str(error)` is a sentence that says what to do."""


class PermissionDenied(UserError):
    """The member's role doesn't allow this."""


class NotFound(UserError):
    """The row asked for isn't there (any more)."""


class NetworkError(HubError):
    """Base of what a network's answer can mean. `str(error)` is a sentence for people, never a secret.

    `code` is the network's own name for the fault (`RecordNotFound`), where it gives one; `status` the HTTP status, 0
    where no answer came.
    """

    code: str = ""
    status: int = 0


class RateLimited(NetworkError):
    """429 or a used-up quota. Wait until `until` (aware, UTC); spends no attempt."""

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class RetryLater(NetworkError):
    """Nothing was changed at the network: refused connection, or 5xx or timeout on a read."""


class OutcomeUnknown(NetworkError):
    """A write left and its answer did not arrive (timeout, reset, 5xx). Look before anything is sent again."""


class NeedsReauth(NetworkError):
    """401, revoked token or missing scope: the channel must be reconnected; spends no attempt."""


class Rejected(NetworkError):
    """The network refused this request for good (other 4xx); the message says why."""


class RemoteGone(NetworkError):
    """404 or 410 on a remote id we know."""
