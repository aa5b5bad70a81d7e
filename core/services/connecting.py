"""Connecting a channel: by token, by app password, by OAuth. The network is asked first, then one short write.

The same profile again is a reconnection: same row, new credentials, history and cursors kept. An address is checked
before anything is sent there: https, or http where an administrator allowed the host.
"""

import contextlib
import hashlib
import logging
import random
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from sqlmodel import Session, col

from core import db, vault
from core.connectors import oauth
from core.connectors.base import Auth, Connector, Credentials, Limits, Profile
from core.connectors.registry import NETWORKS, connector_class
from core.errors import NeedsReauth, NetworkError, NotFound, RateLimited, Rejected, RemoteGone, UserError
from core.models.channel import Channel, ChannelState, OAuthApp, OAuthFlow, SyncCursor, SyncKind
from core.models.team import Member
from core.services.channel_list import ensure_group
from core.services.monitor_cursors import ensure_cursors
from core.services.team import Actor, Right, audit, require
from core.settings import settings

log = logging.getLogger("hub.channels")

FLOW_LIFE = timedelta(minutes=10)
KINDS = (SyncKind.INBOX, SyncKind.PROFILE, SyncKind.POSTS, SyncKind.RECHECK)
APART = 5.0  # seconds over which the first syncs of a new channel are spread


def is_sandbox(base_url: str) -> bool:
    """Whether an address is our own sandbox's."""
    return base_url == settings().sandbox_url


def allowed_hosts(base_url: str) -> frozenset[str]:
    """The private hosts that a connector for this address may talk to; the sandbox's only for the sandbox itself."""
    allowed = settings().allowed_private_hosts
    return allowed | {urlsplit(base_url).netloc} if is_sandbox(base_url) else allowed


def normal_address(given: str) -> str:
    """A server's address as it is stored: scheme and host (and port), nothing else. `UserError` where it is none.

    `mastodon.social`, `https://mastodon.social/@us` and `HTTPS://Mastodon.Social/` are the same server.
    """
    text = given.strip()
    if "://" not in text:
        text = f"https://{text.rpartition('@')[2] if text.startswith('@') else text}"
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except (ValueError, UnicodeError):
        host, port = "", None
    if not host or parts.scheme.lower() not in ("http", "https") or any(c.isspace() for c in parts.netloc):
        raise UserError(f"“{given.strip()[:100]}” is no server address. Write it like mastodon.social.")
    place = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}[parts.scheme.lower()]
    netloc = place if port in (None, default) else f"{place}:{port}"
    if host in ("localhost", "127.0.0.1") and port == settings().sandbox_port:
        return settings().sandbox_url
    if parts.scheme.lower() == "http" and not {host, f"{host}:{port or default}"} & settings().allowed_private_hosts:
        raise UserError(
            f"{netloc} is given with http://, which sends secrets unprotected. Use https://. If the server is on your "
            "own network, an administrator can allow it with HUB_ALLOWED_PRIVATE_HOSTS."
        )
    return f"{parts.scheme.lower()}://{netloc}"


def connect_token(actor: Actor, network: str, base_url: str, token: str, group: str | int | None = None) -> int:
    """Connect with an access token made at the server; gives the channel's id. `group` is a name or an id."""
    require(actor, Right.CHANNELS)
    _offers(network, Auth.TOKEN)
    address = normal_address(base_url)
    if not token.strip():
        raise UserError("The access token is missing. Paste it.")
    credentials = {"access_token": token.strip()}
    refused = "The server doesn't accept this token. Make a new one in its settings (Development) and paste it whole."
    return _connect(actor, network, address, credentials, group, refused)


def connect_password(
    actor: Actor, network: str, base_url: str, handle: str, password: str, group: str | int | None = None
) -> int:
    """Connect with a handle and an app password; gives the channel's id. An empty address is the network's own."""
    require(actor, Right.CHANNELS)
    kind: Any = _offers(network, Auth.APP_PASSWORD)
    address = normal_address(base_url or kind.default_base_url)
    name = handle.strip().lstrip("@")
    if not name or not password.strip():
        raise UserError("Handle and app password are both needed. Fill in what is missing.")
    refused = "The server doesn't accept this handle and password. Check both; use an app password, not your own."
    with _sentences(address, refused):
        credentials = kind.sign_in(address, name, password, allowed_hosts(address))
    return _connect(actor, network, address, credentials, group, refused)


def reconnect(actor: Actor, channel_id: int, secret: str) -> int:
    """Renew a channel's access with a new app password or access token for the same profile; gives its id."""
    require(actor, Right.CHANNELS)
    with db.read() as session:
        row = session.get(Channel, channel_id)
        if row is None or row.state == ChannelState.REMOVED:
            raise NotFound("This channel isn't there any more. Connect it anew.")
        network, address, handle = row.network, row.base_url, row.handle
    kind: Any = connector_class(network)
    if not secret.strip():
        raise UserError("The new secret is missing. Paste it.")
    refused = "The server doesn't accept this. Make a new one there and paste it whole."
    credentials = {"access_token": secret.strip()}
    if Auth.APP_PASSWORD in kind.capabilities.auth:
        with _sentences(address, refused):
            credentials = kind.sign_in(address, handle.lstrip("@"), secret, allowed_hosts(address))
    return _connect(actor, network, address, credentials, None, refused, channel_id)


def start_oauth(
    actor: Actor,
    base_url: str,
    group_id: int | None = None,
    channel_id: int | None = None,
    network: str = "mastodon",
) -> str:
    """Begin connecting by OAuth; gives the server's address to send the browser to. Good for 10 minutes, used once.

    `channel_id`: only this channel is meant to be reconnected, another profile is refused.
    """
    require(actor, Right.CHANNELS)
    _offers(network, Auth.OAUTH)
    if actor.id is None:
        raise UserError("Sign in to the hub in a browser to connect like this, or connect with a token.")
    address = normal_address(base_url)
    with _sentences(address, "The server doesn't let the hub register. Connect with a token instead."):
        app_id, app = _registered(network, address)
    state, verifier = secrets.token_urlsafe(32), oauth.new_verifier()
    with db.write() as session:
        session.execute(delete(OAuthFlow).where(col(OAuthFlow.expires_at) < db.utc_now()))
        flow = OAuthFlow(
            state_hash=_hashed(state),
            app_id=app_id,
            member_id=actor.id,
            group_id=group_id,
            channel_id=channel_id,
            sealed=vault.seal({"verifier": verifier}),
            expires_at=db.utc_now() + FLOW_LIFE,
        )
        session.add(flow)
    return oauth.authorize_url(app, state, verifier)


def finish_oauth(state: str, code: str, member_id: int) -> int:
    """Finish what `start_oauth` began, when the browser comes back; gives the channel's id.

    `UserError` where the state is unknown, used up, too old, or another member's.
    """
    flow, registration, member = _used_up(state, member_id)
    actor = Actor(member.id, member.name, member.email, member.role, member.time_zone)
    require(actor, Right.CHANNELS)
    address = registration.base_url
    verifier = vault.unseal(flow.sealed)["verifier"]
    refused = "The server didn't accept the sign-in. Begin again."
    with _sentences(address, refused), _forgetting(registration):
        credentials = oauth.exchange(_app(registration), code, verifier, allowed_hosts(address))
    return _connect(actor, registration.network, address, credentials, flow.group_id, refused, flow.channel_id)


def redirect_uri() -> str:
    """Where a network sends the browser back to."""
    return f"{settings().base_url}/oauth/callback"


def revoke(network: str, base_url: str, credentials: Credentials) -> None:
    """Give access back to the network, where that can be done. Raises `NetworkError`s."""
    if Auth.OAUTH in connector_class(network).capabilities.auth:
        oauth.revoke(base_url, credentials, allowed_hosts(base_url))


def add_cursors(session: Session, channel_id: int) -> None:
    """Make the sync cursors that are missing, and have all of them due soon, not all at once.

    A sync that is under way with the old access loses its claim: what it brings, errors too, counts no more.
    """
    now = db.utc_now()
    there = {
        row.kind: row
        for row in session.execute(
            select(SyncCursor).where(col(SyncCursor.channel_id) == channel_id, col(SyncCursor.monitor_id).is_(None))
        ).scalars()
    }
    for index, kind in enumerate(KINDS):
        due = now + timedelta(seconds=index * APART / len(KINDS) * random.uniform(0.5, 1))  # noqa: S311 - no secret
        if kind not in there:
            session.add(SyncCursor(channel_id=channel_id, kind=kind, due_at=due))
        else:
            there[kind].due_at, there[kind].attempts = due, 0
            there[kind].claim_token = there[kind].lease_until = None
            there[kind].last_error = there[kind].error_kind = None


def keep_channel(
    session: Session, network: str, base_url: str, profile: Profile, credentials: Credentials, limits: Limits | None
) -> tuple[Channel, bool]:
    """The row of a profile that was just connected, active and with its cursors; and whether it is new."""
    # A sandbox that was founded anew gives its people other ids: there the handle says who is who.
    same = col(Channel.remote_id) == profile.remote_id
    if is_sandbox(base_url):
        same = col(Channel.handle) == profile.handle
    row = session.execute(
        select(Channel).where(col(Channel.network) == network, col(Channel.base_url) == base_url, same)
    ).scalar_one_or_none()
    new = row is None
    if row is None:
        row = Channel(
            network=network, base_url=base_url, remote_id=profile.remote_id, handle="", is_sandbox=is_sandbox(base_url)
        )
        session.add(row)
    row.remote_id, row.handle, row.name = profile.remote_id, profile.handle[:300], profile.name[:300]
    row.url = profile.url
    row.sealed = vault.seal(credentials)
    row.access_ends_at = connector_class(network).access_ends_at(credentials)
    row.state, row.last_error, row.removed_at = ChannelState.ACTIVE, None, None
    if limits is not None:
        row.limits = limits.to_json()
    session.flush()
    add_cursors(session, row.id)
    session.flush()
    ensure_cursors(session)
    return row, new


def _connect(
    actor: Actor,
    network: str,
    base_url: str,
    credentials: Credentials,
    group: str | int | None,
    refused: str,
    only: int | None = None,
) -> int:
    renewed = dict(credentials)
    kind = connector_class(network)
    connector = kind(base_url, credentials, None, renewed.update, allowed_hosts(base_url))
    with contextlib.closing(connector), _sentences(base_url, refused):
        profile, limits = _asked(connector)
    with db.write() as session:
        if only is not None:
            _same_profile(session, only, profile)
        row, new = keep_channel(session, network, base_url, profile, renewed, limits)
        if isinstance(group, str) and group.strip():
            row.group_id = ensure_group(session, group)
        elif isinstance(group, int):
            row.group_id = group
        audit(session, actor, "channel.connect" if new else "channel.reconnect", f"channel:{row.id}", row.handle)
        channel_id = row.id
    log.info("connected channel=%s network=%s new=%s", channel_id, network, new)
    return channel_id


def _asked(connector: Connector) -> tuple[Profile, Limits]:
    profile = connector.profile()
    if not profile.remote_id or len(profile.remote_id) > 300:
        raise Rejected("The server's answer doesn't name the profile.")
    return profile, connector.fetch_limits()


def _same_profile(session: Session, channel_id: int, profile: Profile) -> None:
    row = session.get(Channel, channel_id)
    if row is None or row.state == ChannelState.REMOVED:
        raise NotFound("This channel isn't there any more. Connect it anew.")
    if row.remote_id != profile.remote_id and not (row.is_sandbox and row.handle == profile.handle):
        raise UserError(
            f"You signed in as {profile.handle}, but {row.handle} is to be reconnected. "
            f"Sign in as {row.handle} at the server and try again."
        )


def _offers(network: str, way: Auth) -> type[Connector]:
    kind = connector_class(network)
    if way not in kind.capabilities.auth:
        others = [c.capabilities.label for c in NETWORKS.values() if way in c.capabilities.auth]
        raise UserError(f"{kind.capabilities.label} isn't connected this way; {', '.join(others)} would be.")
    return kind


@contextlib.contextmanager
def _sentences(address: str, refused: str) -> Iterator[None]:
    """Turn what a network's answer means into a sentence for whoever is connecting."""
    try:
        yield
    except NeedsReauth as error:
        raise UserError(refused) from error
    except RateLimited as error:
        raise UserError(f"{address} asks for a pause. Try again in a few minutes.") from error
    except RemoteGone as error:
        raise UserError(f"{address} doesn't speak this network's language. Check the address.") from error
    except NetworkError as error:
        if error.code == "invalid_grant":
            raise UserError(refused) from error
        if "JSON" in str(error):
            raise UserError(f"{address} doesn't speak this network's language. Check the address.") from error
        raise UserError(str(error)) from error


def _app(row: OAuthApp) -> oauth.App:
    return oauth.App(row.base_url, redirect_uri=row.redirect_uri, **vault.unseal(row.sealed))


def _registered(network: str, address: str) -> tuple[int, oauth.App]:
    """Our registration at a server: the one we have if the server still knows it, else a new one."""
    hosts = allowed_hosts(address)
    found = (
        col(OAuthApp.network) == network,
        col(OAuthApp.base_url) == address,
        col(OAuthApp.redirect_uri) == redirect_uri(),
    )
    with db.read() as session:
        row = session.execute(select(OAuthApp).where(*found)).scalar_one_or_none()
        session.expunge_all()
    if row is not None and oauth.still_known(_app(row), hosts):
        return row.id, _app(row)
    app = oauth.register_app(address, redirect_uri(), hosts)
    sealed = vault.seal({"client_id": app.client_id, "client_secret": app.client_secret})
    with db.write() as session:
        again = session.execute(select(OAuthApp).where(*found)).scalar_one_or_none()
        if again is None:
            again = OAuthApp(network=network, base_url=address, redirect_uri=redirect_uri(), sealed=sealed)
            session.add(again)
        again.sealed, again.created_at = sealed, db.utc_now()
        session.flush()
        return again.id, app


def _used_up(state: str, member_id: int) -> tuple[OAuthFlow, OAuthApp, Member]:
    """The flow a state belongs to, deleted so that it is good only once."""
    with db.write() as session:
        found = session.execute(
            select(OAuthFlow, OAuthApp, Member)
            .join(OAuthApp, col(OAuthApp.id) == col(OAuthFlow.app_id))
            .join(Member, col(Member.id) == col(OAuthFlow.member_id))
            .where(
                col(OAuthFlow.state_hash) == _hashed(state),
                col(OAuthFlow.member_id) == member_id,
                col(OAuthFlow.expires_at) > db.utc_now(),
                col(Member.disabled_at).is_(None),
            )
        ).one_or_none()
        if found is None:
            raise UserError("This sign-in is too old or was used already. Begin again on the Channels page.")
        session.execute(delete(OAuthFlow).where(col(OAuthFlow.id) == found[0].id))
        session.expunge_all()
    flow, registration, member = found
    return flow, registration, member


@contextlib.contextmanager
def _forgetting(registration: OAuthApp) -> Iterator[None]:
    """A server that says it doesn't know us gets a new registration at the next try."""
    try:
        yield
    except NetworkError as error:
        if error.code == "invalid_client":
            with db.write() as session:
                session.execute(delete(OAuthApp).where(col(OAuthApp.id) == registration.id))
            raise UserError("The server has forgotten the hub. Begin again, it will be registered anew.") from error
        raise


def _hashed(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
