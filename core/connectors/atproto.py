"""The AT Protocol under Bluesky: sessions that renew themselves, XRPC calls, record keys and addresses.

What a post is and how Bluesky shows it is not known here (see `bluesky.py`).
Source: https://atproto.com/specs/xrpc and the lexicons `com.atproto.server.*`, `com.atproto.repo.*`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import regex

from core.connectors.base import Credentials
from core.connectors.http import MAX_SECONDS, Answer, Http, Params
from core.errors import NeedsReauth, NetworkError, OutcomeUnknown, Rejected, RetryLater

Json = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TID_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
_INVISIBLE = regex.compile(r"[\p{Cf}\p{Cc}\s]")  # Bluesky's own pages copy a handle with direction marks


class AtUri(NamedTuple):
    """The parts of `at://repo/collection/rkey`."""

    repo: str
    collection: str
    rkey: str

    @classmethod
    def parse(cls, uri: str) -> "AtUri":
        """Take an address apart. Raises `Rejected` for anything else."""
        parts = uri.removeprefix("at://").split("/")
        if not uri.startswith("at://") or len(parts) != 3 or not all(parts):
            raise Rejected(f"“{uri[:100]}” is not the address of a post on Bluesky.")
        return cls(*parts)

    def __str__(self) -> str:
        return f"at://{self.repo}/{self.collection}/{self.rkey}"


def tid(now: datetime, clock: int) -> str:
    """A record key: 13 letters that sort by time (microseconds), `clock` in 0…1023 tells writers apart.

    Source: https://atproto.com/specs/tid
    """
    microseconds = (now - _EPOCH) // timedelta(microseconds=1)
    value = (microseconds << 10) | (clock & 1023)
    return "".join(_TID_LETTERS[(value >> shift) & 31] for shift in range(60, -1, -5))


def stamp(moment: datetime) -> str:
    """A time as records hold it: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(value: object) -> datetime | None:
    """A time out of a record (aware, UTC); None where it is missing or nonsense."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def mapping(value: object) -> Json:
    """`value` if it is a JSON object, else an empty one: answers are not trusted to have their shape."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[Json]:
    """The JSON objects in a list; nothing where it isn't one."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


class Session:
    """XRPC calls as one account. An expired access token is renewed once, and the call made again.

    `credentials` (`handle`, `password`, `did`, `access`, `refresh`, and `pds` where that is not the address
    signed in at) is kept up to date in place; `save` gets a copy before a new token is used.
    The password and the refresh token only ever go to `base_url`. Other calls go to the account's own server as
    its DID document names it, when that answered at sign-in (bsky.social is a door in front of many servers).
    """

    def __init__(
        self, http: Http, base_url: str, credentials: Credentials, save: Callable[[Credentials], None]
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._save = save
        self.credentials = credentials

    @property
    def did(self) -> str:
        """Our own DID; signs in if it isn't known yet."""
        if not self.credentials.get("did"):
            self._sign_in()
        return self.credentials["did"]

    def get(self, name: str, params: Params | None = None) -> Json:
        """A query (`com.atproto.repo.getRecord`)."""
        return self._call(False, lambda auth: self._http.get(self._address(name), params=params, headers=auth))

    def post(self, name: str, body: Json, repeatable: bool = False) -> Json:
        """A procedure. `repeatable` as in `Http.write`."""
        return self._call(
            not repeatable,
            lambda auth: self._http.write("POST", self._address(name), json=body, headers=auth, repeatable=repeatable),
        )

    def upload(self, data: bytes | Path, mime: str, seconds: float = MAX_SECONDS) -> Json:
        """Upload a picture, or a file piece by piece; gives the blob as a record holds it.

        Unused blobs vanish by themselves. `seconds` as in `Http.write`.
        """
        name = "com.atproto.repo.uploadBlob"

        def send(auth: dict[str, str]) -> Answer:
            with nullcontext(data) if isinstance(data, bytes) else data.open("rb") as content:
                return self._http.write(
                    "POST",
                    self._address(name),
                    content=content,
                    headers={**auth, "Content-Type": mime},
                    repeatable=True,
                    seconds=seconds,
                )

        blob = mapping(self._call(False, send).get("blob"))
        if not blob:
            raise RetryLater("The server took the file but did not say where it is.")
        return blob

    def record(self, uri: AtUri) -> Json | None:
        """`{"uri", "cid", "value"}` of a record, None if there is none."""
        try:
            return self.get("com.atproto.repo.getRecord", uri._asdict())
        except NetworkError as error:
            if error.code == "RecordNotFound":
                return None
            raise

    def _address(self, name: str) -> str:
        return f"{self.credentials.get('pds') or self._base_url}/xrpc/{name}"

    def _call(self, write: bool, send: Callable[[dict[str, str]], Answer]) -> Json:
        if not self.credentials.get("access"):
            self._sign_in()
        try:
            answer = send(self._bearer())
        except NeedsReauth:
            self._renew()
            answer = send(self._bearer())
        return _object(answer, write)

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.credentials['access']}"}

    def _renew(self) -> None:
        refresh = self.credentials.get("refresh")
        if not refresh:
            return self._sign_in()
        try:
            answer = self._http.write(
                "POST",
                f"{self._base_url}/xrpc/com.atproto.server.refreshSession",
                headers={"Authorization": f"Bearer {refresh}"},
                repeatable=True,
            )
        except (NeedsReauth, Rejected):
            return self._sign_in()
        return self._keep(tokens(_object(answer, write=False)))

    def _sign_in(self) -> None:
        known = self.credentials
        identifier = known.get("did") or known.get("handle")
        if not identifier or not known.get("password"):
            raise NeedsReauth("The sign-in has expired. Reconnect the channel with an app password.")
        try:
            fresh = create_session(self._http, self._base_url, identifier, known["password"])
        except Rejected as error:
            raise NeedsReauth(f"The sign-in was refused: {error}") from error
        if known.get("did") and fresh["did"] != known["did"]:
            raise NeedsReauth("This handle now belongs to another account. Reconnect the channel.")
        self._keep(fresh)

    def _keep(self, fresh: Credentials) -> None:
        self._save({**self.credentials, **fresh})
        self.credentials.update(fresh)


def _object(answer: Answer, write: bool) -> Json:
    told = answer.json() if answer.body else {}
    if not isinstance(told, dict):
        sentence = "The server's answer was not what its interface promises."
        raise OutcomeUnknown(sentence) if write else RetryLater(sentence)
    return told


def tokens(answer: Mapping[str, Any]) -> Credentials:
    """The credentials in an answer of createSession or refreshSession. Raises `RetryLater` if they are missing."""
    names = {"did": "did", "handle": "handle", "access": "accessJwt", "refresh": "refreshJwt"}
    found = {ours: answer.get(theirs) for ours, theirs in names.items()}
    if not all(isinstance(value, str) and value for value in found.values()):
        raise RetryLater("The server's answer to the sign-in was incomplete.")
    return {ours: str(value) for ours, value in found.items()}


def create_session(http: Http, base_url: str, identifier: str, password: str) -> Credentials:
    """Sign in with an app password. Raises `NeedsReauth` with a sentence that says what to do."""
    who = _INVISIBLE.sub("", identifier).removeprefix("@")
    try:
        answer = http.write(
            "POST",
            f"{base_url}/xrpc/com.atproto.server.createSession",
            json={"identifier": who, "password": password.strip()},
            repeatable=True,
        )
    except NeedsReauth as error:
        raise _why_refused(error, base_url) from error
    told = _object(answer, write=False)
    found = tokens(told)
    if found["handle"] == "handle.invalid" and not who.startswith("did:"):
        found["handle"] = who
    return {**found, "pds": _own_server(http, base_url, told, found["access"])}


def _why_refused(error: NeedsReauth, base_url: str) -> NeedsReauth:
    if error.code == "AuthFactorTokenRequired":
        sentence = (
            "This is the account's own password, which also asks for a code by e-mail. "
            "Use an app password: Bluesky → Settings → Privacy and security → App passwords."
        )
    elif error.code in ("AuthenticationRequired", ""):
        sentence = (
            f"{urlsplit(base_url).hostname} does not accept this handle and app password. Check both, and the "
            "server's address. App passwords are made in Bluesky → Settings → Privacy and security."
        )
    else:
        sentence = str(error)
    changed = NeedsReauth(sentence)
    changed.code = error.code
    return changed


def _own_server(http: Http, base_url: str, session: Json, access: str) -> str:
    """The server that the DID document names, if it differs and answers us; else "" (stay at `base_url`)."""
    endpoint = next(_endpoints(objects(mapping(session.get("didDoc")).get("service"))), "")
    if not endpoint or endpoint == base_url or not endpoint.startswith(("https://", "http://")):
        return ""
    if base_url.startswith("https://") and not endpoint.startswith("https://"):
        return ""
    try:
        address = f"{endpoint}/xrpc/com.atproto.server.getSession"
        told = _object(http.get(address, headers={"Authorization": f"Bearer {access}"}), write=False)
    except NetworkError:
        return ""
    return endpoint if told.get("did") == session.get("did") else ""


def _endpoints(services: list[Json]) -> Iterator[str]:
    for service in services:
        if str(service.get("id", "")).endswith("#atproto_pds"):
            yield str(service.get("serviceEndpoint", "")).rstrip("/")
