"""Connecting, pausing, reconnecting, removing: secrets stay sealed, history stays, mistakes are told in sentences."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlmodel import col, select

from core import db, vault
from core.connectors import oauth
from core.connectors.base import Author, Connector
from core.errors import NeedsReauth, PermissionDenied, RateLimited, RemoteGone, RetryLater, UserError
from core.models.analytics import Snapshot
from core.models.channel import Channel, ChannelState, OAuthApp, OAuthFlow, SyncCursor, SyncKind
from core.models.inbox import Contact, Conversation, Message
from core.models.planning import Delivery, DeliveryState
from core.models.team import AuditEntry, Role
from core.sandbox.serve import Sandbox, running_sandbox
from core.services import channels, connecting, intake, monitoring
from core.services.team import COMMAND_LINE, Actor
from core.settings import settings
from tests import factories
from tests.conftest import counted
from tests.fake_reading import FakeNetwork, fake_network, remote

SERVER = "https://social.example"


@pytest.fixture
def world(hub: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNetwork:
    return fake_network(monkeypatch)


def connect(token: str = "us", group: str | int | None = None, base_url: str = "social.example") -> int:
    return channels.connect_token(COMMAND_LINE, "mastodon", base_url, token, group)


def rows(table: Any, *where: Any) -> list[Any]:
    with db.read() as session:
        found = list(session.exec(select(table).where(*where)).all())
        session.expunge_all()
    return found


def row(channel_id: int) -> Channel:
    (found,) = rows(Channel, col(Channel.id) == channel_id)
    return found


def shown(**options: Any) -> list[channels.ChannelRow]:
    with db.read() as session:
        return channels.channels(session, **options)


def test_a_token_connects_a_channel_and_is_sealed(world: FakeNetwork, hub: Path):
    channel_id = connect("us", group="Kaffee")
    (found,) = shown()
    assert (found.id, found.handle, found.group, found.state) == (channel_id, "@us@social.example", "Kaffee", "active")
    assert (found.network_label, found.limits.text_length, found.is_sandbox) == ("Mastodon", 777, False)
    assert vault.unseal(row(channel_id).sealed or b"") == {"access_token": "us"}
    assert b"access_token" not in (row(channel_id).sealed or b"")
    kinds = {cursor.kind for cursor in rows(SyncCursor)}
    assert kinds == {SyncKind.INBOX, SyncKind.RECHECK, SyncKind.POSTS, SyncKind.PROFILE}
    assert all(cursor.due_at < db.utc_now() + timedelta(seconds=10) for cursor in rows(SyncCursor))
    assert [a.action for a in rows(AuditEntry)] == ["channel.connect"]
    assert world.closed == 1


def test_the_same_profile_again_is_a_reconnection_that_keeps_history(world: FakeNetwork):
    channel_id = connect("us", group="Kaffee")
    with db.write() as session:
        channel = session.get_one(Channel, channel_id)
        intake.store_messages(session, channel, [remote("m1")])
        channels.note_error(session, channel_id, NeedsReauth("The token was revoked"))
        for cursor in session.exec(select(SyncCursor)):
            cursor.cursor, cursor.attempts, cursor.claim_token = "41", 3, "under way"
    world.tokens = {"fresh": "us"}
    assert connect("fresh") == channel_id
    (found,) = shown()
    assert (found.state, found.last_error, found.group) == (ChannelState.ACTIVE, None, "Kaffee")
    assert vault.unseal(row(channel_id).sealed or b"") == {"access_token": "fresh"}
    assert len(rows(Message)) == 1
    assert {(c.cursor, c.attempts, c.claim_token) for c in rows(SyncCursor)} == {("41", 0, None)}
    assert len(rows(SyncCursor)) == 4
    assert [a.action for a in rows(AuditEntry)] == ["channel.connect", "channel.needs_reauth", "channel.reconnect"]


@pytest.mark.parametrize(
    "given", ["social.example", " https://social.example/ ", "HTTPS://Social.Example/@us", "@us@social.example"]
)
def test_one_server_however_it_is_written(world: FakeNetwork, given: str):
    assert row(connect(base_url=given)).base_url == SERVER


def test_umlauts_and_ports_in_addresses(hub: Path):
    assert connecting.normal_address("kölle.example") == "https://xn--klle-5qa.example"
    assert connecting.normal_address("social.example:8443/x") == "https://social.example:8443"
    assert connecting.normal_address("localhost:8591") == settings().sandbox_url


@pytest.mark.parametrize("given", ["", "   ", "ftp://social.example", "https://", "two words", "http://[::1", "a..b"])
def test_what_is_no_address_is_said(world: FakeNetwork, given: str):
    with pytest.raises(UserError, match="no server address"):
        connect(base_url=given)
    assert world.calls == []


def test_plain_http_only_where_it_was_allowed(world: FakeNetwork, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UserError, match="https"):
        connect(base_url="http://social.lan:3000")
    monkeypatch.setenv("HUB_ALLOWED_PRIVATE_HOSTS", "social.lan:3000")
    settings.cache_clear()
    assert row(connect(base_url="http://social.lan:3000/")).base_url == "http://social.lan:3000"


def test_the_sandbox_is_reached_by_the_sandbox_only(hub: Path, monkeypatch: pytest.MonkeyPatch):
    sandbox = settings().sandbox_url
    assert connecting.allowed_hosts(sandbox) == {urlsplit(sandbox).netloc}
    assert connecting.allowed_hosts(SERVER) == frozenset()


SENTENCES = [
    (NeedsReauth("The access token is invalid"), "doesn't accept this token"),
    (RemoteGone("Not Found"), "Check the address"),
    (RetryLater("The server's answer was not JSON."), "Check the address"),
    (RetryLater("The server can't be reached. Check the address, or try again later."), "can't be reached"),
    (RetryLater("localhost is on a private network, so it is not contacted. …"), "private network"),
    (RateLimited("slow down", db.utc_now()), "asks for a pause"),
]


@pytest.mark.parametrize(("error", "sentence"), SENTENCES)
def test_what_goes_wrong_is_told_and_leaves_nothing_behind(world: FakeNetwork, error: Exception, sentence: str):
    def fault(method: str, _: Connector) -> None:
        raise error

    world.fault = fault
    with pytest.raises(UserError, match=sentence):
        connect()
    assert shown(include_removed=True) == []
    assert world.closed == 1


def test_a_handle_and_an_app_password(world: FakeNetwork):
    channel_id = channels.connect_password(COMMAND_LINE, "mastodon", "", " @us ", "right")
    assert row(channel_id).base_url == SERVER
    with pytest.raises(UserError, match="app password"):
        channels.connect_password(COMMAND_LINE, "mastodon", "", "us", "wrong")
    with pytest.raises(UserError, match="both needed"):
        channels.connect_password(COMMAND_LINE, "mastodon", "", "us", "")


def test_only_those_who_may_connect(world: FakeNetwork):
    editor = factories.actor(Role.EDITOR)
    channel_id = connect()
    world.calls.clear()
    for forbidden in (
        lambda: channels.connect_token(editor, "mastodon", SERVER, "us"),
        lambda: channels.connect_password(editor, "mastodon", SERVER, "us", "right"),
        lambda: channels.start_oauth(editor, SERVER),
        lambda: channels.remove(editor, channel_id),
    ):
        with pytest.raises(PermissionDenied):
            forbidden()
    with db.write() as session:
        for changed in (channels.pause, channels.resume):
            with pytest.raises(PermissionDenied):
                changed(session, editor, channel_id)
    assert world.calls == []


def test_pause_resume_and_group(world: FakeNetwork):
    channel_id = connect()
    with db.write() as session:
        channels.pause(session, COMMAND_LINE, channel_id)
    assert row(channel_id).state == ChannelState.PAUSED
    with db.write() as session:
        channels.resume(session, COMMAND_LINE, channel_id)
        channels.set_group(session, COMMAND_LINE, channel_id, channels.ensure_group(session, "  Lasten  räder "))
    (found,) = shown()
    assert (found.state, found.group) == (ChannelState.ACTIVE, "Lasten räder")
    with db.write() as session:
        assert channels.ensure_group(session, "LASTEN RÄDER") == found.group_id
        channels.set_group(session, COMMAND_LINE, channel_id, None)
        with pytest.raises(UserError, match="isn't there any more"):
            channels.set_group(session, COMMAND_LINE, channel_id, 4711)
    assert shown()[0].group == ""


def test_resuming_is_no_way_round_reconnecting(world: FakeNetwork):
    channel_id = connect()
    with db.write() as session:
        channels.note_error(session, channel_id, NeedsReauth("revoked"))
        with pytest.raises(UserError, match="must be reconnected"):
            channels.resume(session, COMMAND_LINE, channel_id)


def test_removing_erases_secrets_at_once_and_cancels_what_is_open(world: FakeNetwork, monkeypatch: pytest.MonkeyPatch):
    channel_id = connect("very-secret")
    factories.post(channel_id, at=db.utc_now() + timedelta(days=1))
    given_back: list[Any] = []
    monkeypatch.setattr(connecting.oauth, "revoke", lambda *given: given_back.append(given[1]))
    channels.remove(COMMAND_LINE, channel_id)
    assert given_back == [{"access_token": "very-secret"}]
    gone = row(channel_id)
    assert (gone.state, gone.sealed) == (ChannelState.REMOVED, None)
    assert shown() == []
    (delivery,) = rows(Delivery)
    assert (delivery.state, delivery.due_at) == (DeliveryState.CANCELLED, None)
    with pytest.raises(UserError, match="isn't there any more"):
        channels.open_connector(channel_id)


def test_a_network_that_does_not_answer_cannot_keep_a_channel(world: FakeNetwork, monkeypatch: pytest.MonkeyPatch):
    channel_id = connect()

    monkeypatch.setattr(connecting.oauth, "revoke", lambda *_: False)
    channels.remove(COMMAND_LINE, channel_id)
    assert row(channel_id).sealed is None


def test_a_removed_channel_is_purged_in_batches(world: FakeNetwork, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connecting.oauth, "revoke", lambda *_: None)
    kept, gone = connect("kept"), connect("gone")
    with db.write() as session:
        for channel_id in (kept, gone):
            channel = session.get_one(Channel, channel_id)
            intake.store_messages(session, channel, [remote(f"m{i}") for i in range(10)])
            both, only = Author("both@x.test", "@both@x.test"), Author(f"{channel_id}@x.test", f"@{channel_id}@x.test")
            intake.store_messages(session, channel, [remote("both", author=both), remote("only", author=only)])
            intake.store_channel_metrics(session, channel, {"followers": 3})
    channels.remove(COMMAND_LINE, gone)
    assert channels.purge_removed() == 0  # what was under way comes to its end first
    with db.write() as session:
        session.get_one(Channel, gone).removed_at = db.utc_now() - timedelta(minutes=5)
    passes = 0
    while channels.purge_removed(limit=6):
        passes += 1
    assert passes > 3
    for table in (Message, Conversation, Snapshot, SyncCursor):
        assert {found.channel_id for found in rows(table)} == {kept}
    assert [found.id for found in rows(Channel)] == [kept]
    people = {found.remote_id for found in rows(Contact)}
    assert {"both@x.test", f"{kept}@x.test"} <= people and f"{gone}@x.test" not in people


def test_a_removed_channel_connected_again_is_the_same(world: FakeNetwork, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connecting.oauth, "revoke", lambda *_: None)
    channel_id = connect()
    channels.remove(COMMAND_LINE, channel_id)
    assert connect() == channel_id
    assert (row(channel_id).removed_at, row(channel_id).state) == (None, ChannelState.ACTIVE)


def test_another_channel_takes_over_a_monitor(world: FakeNetwork, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connecting.oauth, "revoke", lambda *_: None)
    first, second = connect("one"), connect("two")
    with db.write() as session:
        monitoring.create_monitor(session, COMMAND_LINE, "Kaffee", "#kaffee")
    channels.remove(COMMAND_LINE, first)
    (cursor,) = rows(SyncCursor, col(SyncCursor.kind) == SyncKind.MONITOR)
    assert cursor.channel_id == second


def test_fresh_credentials_are_kept(world: FakeNetwork):
    channel_id = connect()
    connector = channels.open_connector(channel_id)
    connector.save_credentials({"access_token": "refreshed"})
    assert channels.open_connector(channel_id).credentials == {"access_token": "refreshed"}
    assert connector.limits.text_length == 777


def test_the_list_costs_one_statement(world: FakeNetwork):
    for name in "abcde":
        connect(name)
    with counted() as ran:
        assert len(shown()) == 5
    assert len(ran) == 1


def test_no_secret_in_logs_or_representations(world: FakeNetwork, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        world.tokens = {"very-secret": "us"}
        channel_id = connect("very-secret")
    assert "very-secret" not in caplog.text + repr(row(channel_id)) + repr(shown())
    assert "sealed" not in repr(row(channel_id))


# --- OAuth --------------------------------------------------------------------------------------------------------


class FakeServer(SimpleNamespace):
    """The OAuth half of a server: knows apps and codes."""


@pytest.fixture
def server(world: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    server = FakeServer(registered=0, known=set(), code_for={})

    def register_app(address: str, redirect: str, hosts: Any) -> oauth.App:
        server.registered += 1
        server.known.add(f"app{server.registered}")
        return oauth.App(address, f"app{server.registered}", "app-secret", redirect)

    def authorize_url(app: oauth.App, state: str, verifier: str) -> str:
        server.code_for["code"] = (app, verifier)
        return f"{app.base_url}/oauth/authorize?client_id={app.client_id}&state={state}"

    def exchange(app: oauth.App, code: str, verifier: str, hosts: Any) -> Any:
        if server.code_for.pop(code, None) != (app, verifier):
            raise NeedsReauth("invalid_grant")
        return {"access_token": "us"}

    fake = SimpleNamespace(
        App=oauth.App,
        new_verifier=lambda: "verifier",
        register_app=register_app,
        authorize_url=authorize_url,
        exchange=exchange,
        still_known=lambda app, hosts: app.client_id in server.known,
        revoke=lambda *_: True,
    )
    monkeypatch.setattr(connecting, "oauth", fake)
    return server


def leave(actor: Actor, **options: Any) -> str:
    """Begin, and give the state that the server sends back."""
    target = channels.start_oauth(actor, "social.example", **options)
    return parse_qs(urlsplit(target).query)["state"][0]


def test_oauth_there_and_back(server: FakeServer):
    actor = factories.actor()
    group = factories.group("Kaffee")
    state = leave(actor, group_id=group.id)
    (flow,) = rows(OAuthFlow)
    assert state not in flow.state_hash and b"verifier" not in flow.sealed
    assert b"app-secret" not in rows(OAuthApp)[0].sealed
    channel_id = channels.finish_oauth(state, "code", actor.id or 0)
    (found,) = shown()
    assert (found.id, found.handle, found.group) == (channel_id, "@us@social.example", "Kaffee")
    assert rows(AuditEntry)[0].member_id == actor.id
    assert rows(OAuthFlow) == []


def test_a_state_is_good_once_for_one_member_and_ten_minutes(server: FakeServer):
    actor, other = factories.actor(), factories.actor()
    state = leave(actor)
    for wrong, member in ((state, other.id), ("made up", actor.id)):
        with pytest.raises(UserError, match="Begin again"):
            channels.finish_oauth(wrong, "code", member or 0)
    channels.finish_oauth(state, "code", actor.id or 0)
    with pytest.raises(UserError, match="Begin again"):
        channels.finish_oauth(state, "code", actor.id or 0)
    late = leave(actor)
    with db.write() as session:
        session.exec(select(OAuthFlow)).one().expires_at = db.utc_now()
    with pytest.raises(UserError, match="Begin again"):
        channels.finish_oauth(late, "code", actor.id or 0)


def test_one_registration_a_server_and_a_new_one_when_it_was_forgotten(server: FakeServer):
    actor = factories.actor()
    leave(actor), leave(actor)
    assert server.registered == 1
    server.known.clear()
    state = leave(actor)
    assert server.registered == 2
    assert len(rows(OAuthApp)) == 1
    assert channels.finish_oauth(state, "code", actor.id or 0)


def test_reconnecting_refuses_another_profile(server: FakeServer, world: FakeNetwork):
    actor = factories.actor()
    mine = connect("another")
    state = leave(actor, channel_id=mine)
    with pytest.raises(UserError, match="is to be reconnected"):
        channels.finish_oauth(state, "code", actor.id or 0)
    assert [found.id for found in shown()] == [mine]


def test_a_refused_sign_in_is_told(server: FakeServer):
    actor = factories.actor()
    state = leave(actor)
    with pytest.raises(UserError, match="didn't accept the sign-in"):
        channels.finish_oauth(state, "wrong code", actor.id or 0)


# --- against the sandbox: a real server, real OAuth ---------------------------------------------------------------


@pytest.fixture
def sandbox(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with running_sandbox() as running:
        monkeypatch.setenv("HUB_SANDBOX_PORT", str(urlsplit(running.url).port))
        settings.cache_clear()
        yield running


def allow(target: str, account: str) -> dict[str, str]:
    """Do in the sandbox what a person does in the browser; gives what the browser brings back."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
    form = asked | {"decision": "allow", "account_id": account}
    answer = httpx.post(target.partition("?")[0], data=form)
    assert answer.status_code == 303, answer.text
    back = urlsplit(answer.headers["location"])
    assert answer.headers["location"].startswith(connecting.redirect_uri())
    return {name: values[0] for name, values in parse_qs(back.query).items()}


def account(sandbox: Sandbox, handle: str) -> str:
    told = httpx.get(f"{sandbox.url}/api/v1/accounts/verify_credentials", headers=sandbox.auth(handle))
    return str(told.json()["id"])


def test_oauth_at_a_real_server(sandbox: Sandbox):
    actor = factories.actor()
    first, second = (account(sandbox, handle) for handle in list(sandbox.tokens)[:2])
    back = allow(channels.start_oauth(actor, sandbox.url), first)
    channel_id = channels.finish_oauth(back["state"], back["code"], actor.id or 0)
    (found,) = shown()
    assert (found.id, found.is_sandbox, found.limits.text_length) == (channel_id, True, 500)
    with db.write() as session:
        channels.note_error(session, channel_id, NeedsReauth("revoked"))
    other = allow(channels.start_oauth(actor, found.base_url, channel_id=channel_id), second)
    with pytest.raises(UserError, match="is to be reconnected"):
        channels.finish_oauth(other["state"], other["code"], actor.id or 0)
    assert shown()[0].state == ChannelState.NEEDS_REAUTH
    again = allow(channels.start_oauth(actor, found.base_url, channel_id=channel_id), first)
    assert channels.finish_oauth(again["state"], again["code"], actor.id or 0) == channel_id
    assert shown()[0].state == ChannelState.ACTIVE
    assert len(rows(OAuthApp)) == 1


def test_a_code_is_taken_once_and_a_lost_registration_is_made_anew(sandbox: Sandbox):
    actor = factories.actor()
    us = account(sandbox, next(iter(sandbox.tokens)))
    state = parse_qs(urlsplit(channels.start_oauth(actor, sandbox.url)).query)["state"][0]
    with pytest.raises(UserError, match="Begin again"):
        channels.finish_oauth(state, "no such code", actor.id or 0)
    sandbox.network.store.run("DELETE FROM app WHERE name = 'Social Hub'")
    back = allow(channels.start_oauth(actor, sandbox.url), us)
    assert channels.finish_oauth(back["state"], back["code"], actor.id or 0)


def test_removing_gives_the_access_back(sandbox: Sandbox):
    actor = factories.actor()
    back = allow(channels.start_oauth(actor, sandbox.url), account(sandbox, next(iter(sandbox.tokens))))
    channel_id = channels.finish_oauth(back["state"], back["code"], actor.id or 0)
    token = channels.open_connector(channel_id).credentials["access_token"]
    channels.remove(actor, channel_id)
    told = httpx.get(f"{sandbox.url}/api/v1/accounts/verify_credentials", headers={"Authorization": f"Bearer {token}"})
    assert told.status_code == 401


def test_a_wrong_token_and_a_wrong_address_are_told(sandbox: Sandbox):
    with pytest.raises(UserError, match="doesn't accept this token"):
        connect("wrong", base_url=sandbox.url)
    with pytest.raises(UserError, match="private network"):
        connect("any", base_url="https://127.0.0.1:9")
