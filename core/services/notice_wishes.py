"""How a member wants to hear of things outside of the app: addresses, kinds, quiet hours, one digest a day.

An address is one of apprise's (mail, Slack, Teams, Matrix, a webhook, …): it holds secrets, so it is sealed at rest,
shown masked, and never logged. What is sent when is `notice_sending.py`.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlmodel import Session

from core import vault
from core.connectors.addresses import REFUSED, is_allowed, is_public
from core.db import utc_now
from core.errors import UserError
from core.models.team import NoticeSettings
from core.services.notices import NoticeKind
from core.services.team import Actor, Right, audit, require
from core.settings import settings

MOST = 5  # addresses of one member
LOCAL = frozenset({"syslog", "rsyslog", "dbus", "kde", "qt", "glib", "gnome", "macosx", "windows", "file"})
"""Schemes that touch the machine the hub runs on, or its log."""
PORTS = {"http": 80, "json": 80, "xml": 80, "form": 80, "mailto": 587}


@dataclass(frozen=True)
class Wishes:
    """A member's wishes; times are wall clock in their zone ("20:00"). `masked` shows addresses without secrets."""

    masked: tuple[str, ...] = ()
    kinds: tuple[NoticeKind, ...] = tuple(NoticeKind)
    quiet_from: str | None = None
    quiet_to: str | None = None
    digest_at: str | None = None
    trouble: str | None = None
    trouble_at: datetime | None = None


def wishes(session: Session, actor: Actor) -> Wishes:
    """What this member wants; everything in the app alone until they said otherwise."""
    row = session.get(NoticeSettings, actor.id) if actor.id is not None else None
    if row is None:
        return Wishes()
    masked = tuple(mask(address) for address in addresses_of(row))
    return Wishes(masked, wanted_kinds(row), row.quiet_from, row.quiet_to, row.digest_at, row.trouble, row.trouble_at)


def save(
    session: Session,
    actor: Actor,
    *,
    addresses: str | None = None,
    kinds: Sequence[NoticeKind] = tuple(NoticeKind),
    quiet: tuple[str, str] | None = None,
    digest_at: str | None = None,
) -> None:
    """Keep a member's wishes. `addresses`: one a line, None keeps those there are, "" takes them away.

    Raises `UserError` that names the line and what to do; nothing is changed then.
    """
    require(actor, Right.LOOK)
    if actor.id is None:
        raise UserError("Notifications belong to a member. Say whose with --member.")
    row = session.get(NoticeSettings, actor.id) or NoticeSettings(member_id=actor.id)
    if addresses is not None:
        lines = [line.strip() for line in addresses.splitlines() if line.strip()]
        if len(lines) > MOST:
            raise UserError(f"{len(lines)} addresses, but at most {MOST} fit. Take out some.")
        for number, line in enumerate(lines, start=1):
            check(line, number)
        row.sealed = vault.seal({str(i): line for i, line in enumerate(lines)}) if lines else None
        row.trouble = row.trouble_at = row.retry_at = None
        row.attempts = 0
    if quiet is not None and quiet[0] == quiet[1]:
        raise UserError("Quiet hours that begin and end at the same time never end. Choose two different times.")
    row.kinds = None if set(kinds) == set(NoticeKind) else [kind.value for kind in kinds]
    row.quiet_from, row.quiet_to = quiet if quiet is not None else (None, None)
    if digest_at != row.digest_at:
        row.digest_at, row.last_digest_at = digest_at, utc_now()  # the first one comes at its next time
    session.add(row)
    audit(session, actor, "notices.settings", f"member:{actor.id}", f"{len(addresses_of(row))} addresses")
    session.flush()


def addresses_of(row: NoticeSettings) -> tuple[str, ...]:
    """The addresses in clear. Only for sending: they hold secrets."""
    return tuple(vault.unseal(row.sealed).values()) if row.sealed else ()


def wanted_kinds(row: NoticeSettings) -> tuple[NoticeKind, ...]:
    """The kinds that go out."""
    return tuple(NoticeKind) if row.kinds is None else tuple(k for k in NoticeKind if k.value in row.kinds)


def is_quiet(row: NoticeSettings, now: datetime, zone: ZoneInfo) -> bool:
    """Whether it is quiet for the member: by the wall clock, over midnight too."""
    if not row.quiet_from or not row.quiet_to:
        return False
    clock, start, end = (
        now.astimezone(zone).time(),
        time.fromisoformat(row.quiet_from),
        time.fromisoformat(row.quiet_to),
    )
    return start <= clock < end if start < end else clock >= start or clock < end


def digest_due(row: NoticeSettings, now: datetime, zone: ZoneInfo) -> bool:
    """Whether the time of today's digest has come and it wasn't looked at yet."""
    if not row.digest_at:
        return False
    local = now.astimezone(zone)
    if local.time() < time.fromisoformat(row.digest_at):
        return False
    last = row.last_digest_at.astimezone(zone) if row.last_digest_at else local - timedelta(days=2)
    at = datetime.combine(local.date(), time.fromisoformat(row.digest_at), zone)
    return last < at


def check(address: str, number: int = 1) -> None:
    """Raise `UserError` unless apprise knows the address and it may be talked to."""
    scheme = urlsplit(address).scheme.lower()
    if scheme in LOCAL:
        raise UserError(f"Line {number}: “{scheme}” would write on the hub's own machine. Take a service you can read.")
    target = instance(address)
    if target is None:
        raise UserError(
            f"Line {number} isn't an address apprise knows. A mail looks like "
            "mailtos://name:password@example.org?to=you@example.org."
        )
    for host in hosts_of(target):
        if not may_reach(host, scheme):
            raise UserError(f"Line {number}: {REFUSED.format(host=host)}")


def mask(address: str) -> str:
    """The address without its secrets."""
    target = instance(address)
    return str(target.url(privacy=True)).partition("?")[0] if target is not None else "an address that isn't valid"


def instance(address: str) -> Any:
    """apprise's object for an address, or None. Loaded only when somebody has one: it is large."""
    import logging

    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its messages may hold addresses
    try:
        return apprise.Apprise.instantiate(address, suppress_exceptions=True)
    except Exception:  # whatever a plug-in stumbles over: it isn't an address
        return None


def hosts_of(target: Any) -> list[str]:
    """The hosts that an address itself names; services with a fixed address have none."""
    named = [getattr(target, "smtp_host", None)] if hasattr(target, "smtp_host") else []
    if not named and any("{host}" in template for template in getattr(target, "templates", ())):
        named = [getattr(target, "host", None)]
    return [str(host) for host in named if host]


def may_reach(host: str, scheme: str) -> bool:
    """Whether a host is public, or allowed. One that can't be looked up now is left to the sending."""
    port = PORTS.get(scheme.rstrip("s"), 443)
    allowed = settings().allowed_private_hosts
    if is_allowed(host, port, allowed) or any(entry.partition(":")[0] == host.lower() for entry in allowed):
        return True
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (socket.gaierror, UnicodeError):
        return True
    return all(is_public(address) for address in found)
