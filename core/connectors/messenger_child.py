"""The process that apprise runs in: `python -m core.connectors.messenger_child`, started by `messenger.py` alone.

A job as JSON on standard input, one line of JSON for each of its parts on standard output, then it ends. Apprise has
185 plug-ins that open connections in their own ways and take arguments that name files. So nothing here trusts them:
once they are loaded, this process reads no file but its libraries, starts no program, and connects only to public
addresses and to hosts that are allowed. Python's audit hooks see to that beneath every plug-in, and can't be taken
out again, which is why it is a process of its own. Its environment holds no key of the hub.
"""

import contextlib
import json
import logging
import os
import smtplib
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import apprise
import requests
from apprise.manager_plugins import NotificationManager

from core.connectors.messenger_guard import Guard, Notes, current, seen

# What these reach is the hub's own machine (its screen, its log, a lamp on it), or a log nobody reads; never a person.
LOCAL = frozenset(
    "blink1 dbus gio glib gnome kde macosx qt rsyslog syslog windows file".split()  # noqa: SIM905 - shorter
)
AT_ONCE = 8
SECONDS = 30.0  # for one message, however many requests it takes
LONGEST = 2_000  # characters of an address
BUSY = {408, 425, 429}


# --- what happens on the way ----------------------------------------------------------------------------------------


def _watch_http() -> None:
    """Note each HTTP answer: apprise tells no more than yes or no."""
    adapter: Any = requests.adapters.HTTPAdapter
    send = adapter.send

    def noted(self: Any, request: Any, *given: Any, **more: Any) -> Any:
        notes = seen()
        notes.last = None
        try:
            response = send(self, request, *given, **more)
        except requests.exceptions.RequestException as error:
            notes.fault = type(error).__name__
            never = "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error)
            early = (requests.exceptions.ConnectTimeout, requests.exceptions.SSLError)
            notes.left = notes.left or not (never or notes.refused or isinstance(error, early))
            raise
        notes.last, notes.mail = response.status_code, False
        notes.accepted += 200 <= response.status_code < 300
        return response

    adapter.send = noted


def _watch_mail() -> None:
    """Note each answer of a mail server, and whether it had the text when the line broke."""
    server: Any = smtplib.SMTP
    reply, data = server.getreply, server.data

    def replied(self: Any) -> Any:
        found = reply(self)
        if found[0] >= 400:  # kept: what is said after it (reset, goodbye) is politeness
            seen().last, seen().mail = found[0], True
        return found

    def told(self: Any, message: Any) -> Any:
        notes = seen()
        notes.left = True
        found = data(self, message)
        notes.left = False
        notes.accepted += found[0] == 250
        return found

    server.getreply, server.data = replied, told


def _outcome(notes: Notes, succeeded: bool, timed_out: bool, targets: int) -> tuple[str, str]:
    """(sent, later, refused or unknown; a sentence). A sentence never holds anything of the address."""
    if succeeded:
        return "sent", ""
    if notes.refused:
        return "refused", notes.refused
    if timed_out or notes.left:
        return "unknown", "No answer came in time. It may have arrived, so it isn't sent again."
    if targets > 1 and notes.accepted:
        return "unknown", "It did not reach everybody whom this address names. It isn't sent again."
    if notes.last is not None:
        return _answered(notes.last, notes.mail)
    if notes.fault == "SSLError":
        return "later", "The server's certificate isn't valid."
    if notes.connected and not notes.fault:
        return "unknown", "The connection broke. It may have arrived, so it isn't sent again."
    return "later", "The server can't be reached."


def _answered(code: int, mail: bool) -> tuple[str, str]:
    if mail:
        if code in (530, 534, 535, 538):
            return "refused", f"The mail server refuses the name or password ({code})."
        if 400 <= code < 500:
            return "later", f"The mail server asks to try again later ({code})."
        return "refused", f"The mail server refused the message ({code})."
    if code in (401, 403):
        return "refused", f"The service refuses the token or password ({code}). Enter the address anew."
    if code in (404, 410):
        return "refused", f"The service doesn't know this address any more ({code}). Enter a new one."
    if code in BUSY:
        return "later", f"The service asks for a pause ({code})."
    if code >= 500:
        return "later", f"The service has a fault of its own ({code})."
    if 300 <= code < 400:
        return "refused", f"The service redirects elsewhere ({code}). Use that address."
    return "refused", f"The service refused the message ({code})."


# --- addresses ------------------------------------------------------------------------------------------------------


class Wrong(Exception):
    """No address to send to; a sentence that says what to do."""


def _plugins() -> Any:
    manager: Any = NotificationManager
    return manager()


def _asset() -> apprise.AppriseAsset:
    return apprise.AppriseAsset(
        app_id="Social Hub",
        app_desc="Social Hub",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
        default_service_retry=0,
        storage_mode="memory",
        service_timeout=SECONDS,
        allow_templates=False,
        language="en",
        timezone="UTC",
    )


def _service(address: str) -> Any:
    """The plug-in for an address, set up to try once. Raises `Wrong`."""
    schema = _schema(address)
    plugins = _plugins()
    if schema in plugins and not plugins[schema].enabled:
        raise Wrong(f"{schema}:// needs a library that isn't installed with the hub. Choose another way.")
    service = None
    with contextlib.suppress(Exception):
        service = apprise.Apprise.instantiate(address, asset=_asset())
    if seen().refused:
        raise Wrong(seen().refused)
    if service is None:
        raise Wrong(_how_to_write(schema, plugins))
    if any(isinstance(value, apprise.AppriseAttachment) and len(value) for value in vars(service).values()):
        raise Wrong("It names a file of the hub's own machine. Those are not touched.")
    service.retry, service.optional = 0, False
    service.overflow_mode = apprise.OverflowMode.TRUNCATE
    return service


def _schema(address: str) -> str:
    if len(address) > LONGEST:
        raise Wrong(f"This is longer than {LONGEST} characters.")
    schema, found, _ = address.partition("://")
    if not found and "@" in address:
        raise Wrong("An e-mail address is written as mailto://name:password@mail.example.org/?to=you@example.org")
    if not found or not schema.replace("+", "").replace("-", "").isalnum():
        raise Wrong("This is no address. It begins like mailto://, slack:// or ntfys://")
    if schema.lower() in LOCAL:
        raise Wrong(f"{schema.lower()}:// reaches only a machine or its log, not a person.")
    return schema.lower()


def _how_to_write(schema: str, plugins: Any) -> str:
    if schema in ("http", "https"):
        return (
            "This web address isn't known as one of a messenger. A server of your own is written as json:// or jsons://"
        )
    if schema not in plugins:
        return f"There is no service {schema}://. The list of services names all that there are."
    plugin = plugins[schema]
    form = str(next(iter(plugin.templates), "")).replace("{schema}", schema)
    return f"Something is missing or wrong. {plugin.service_name} is written like {form}"


def _label(service: Any) -> str:
    """How an address is shown: the service, and its server or mailbox where it has one; nothing that opens a door."""
    name = str(service.service_name)
    if isinstance(service, apprise.plugins.N_MGR["mailto"]):
        to = next(iter(service.targets), ("", ""))[1]
        local, _, domain = str(to).rpartition("@")
        return f"{name} to {local[:1]}…@{domain}" if local else name
    host = str(service.host or "") if "host" in service.template_tokens else ""
    # Without a dot it may be something else that was written there: a topic of ntfy.sh is its own password.
    return f"{name} at {host[:80]}" if "." in host or host == "localhost" else name


def _places(service: Any) -> Iterator[tuple[str, int]]:
    """The servers that an address names itself."""
    host = getattr(service, "smtp_host", "") or ("host" in service.template_tokens and service.host)
    if host:
        yield str(host).strip("[]"), int(service.port or (443 if service.secure else 80))


# --- jobs -----------------------------------------------------------------------------------------------------------


def check(guard: Guard, address: str) -> dict[str, str]:
    """Whether something could be sent there: {label, fault}. Nothing is sent."""
    current.set(Notes())
    try:
        service = _service(address)
        for host, port in _places(service):
            if not any(one.partition(":")[0] == host.lower() for one in guard.allowed):
                with contextlib.suppress(socket.gaierror, UnicodeError, PermissionError):
                    guard.addresses(host, port)
        if seen().refused:
            raise Wrong(seen().refused)
        return {"label": _label(service), "fault": ""}
    except Wrong as wrong:
        return {"label": "", "fault": str(wrong)}


def send(letter: dict[str, str]) -> dict[str, str]:
    """Send one message to one address, once: {outcome, said}."""
    notes = Notes()
    current.set(notes)
    try:
        service = _service(letter["address"])
    except Wrong as wrong:
        return {"outcome": "refused", "said": str(wrong)}
    ours = apprise.Apprise(asset=service.asset)
    ours.add(service)
    result = ours.notify(body=letter["body"], title=letter["title"], body_format=apprise.NotifyFormat.TEXT)
    timed_out = result.status == apprise.AppriseResultStatus.TIMEOUT
    outcome, said = _outcome(notes, bool(result), timed_out, len(service))
    return {"outcome": outcome, "said": said}


def main() -> None:
    """Do the job on standard input."""
    logging.disable(logging.CRITICAL)  # plug-ins log addresses
    job = json.load(sys.stdin)
    _plugins().load_modules()
    guard = Guard(frozenset(job["allowed"]))
    _watch_http()
    _watch_mail()
    guard.arm()
    work: list[tuple[Any, tuple[Any, ...]]] = [(send, (letter,)) for letter in job.get("send", ())]
    work += [(check, (guard, address)) for address in job.get("check", ())]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {pool.submit(call, *given): number for number, (call, given) in enumerate(work)}
        for done in as_completed(running):
            if done.exception():
                continue  # a bug of a plug-in: the parent knows what silence means
            print(json.dumps([running[done], done.result()]), flush=True)  # noqa: T201 - the way to the parent
    os._exit(0)  # a plug-in that hangs in a thread of its own keeps nobody waiting


if __name__ == "__main__":
    main()
