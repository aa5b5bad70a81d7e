"""Faults on order do what they are named after, and the journal tells what was accepted."""

from typing import Any

import httpx
import pytest

from core.sandbox.plan import BIKES, COFFEE
from core.sandbox.serve import Sandbox

from .conftest import Client

POSTS = "/api/v1/statuses"


def order(admin: Client, kind: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = admin.call(
        "POST", "/_sandbox/faults", json={"kind": kind, "method": "POST", "path": POSTS, **more}
    )
    return made


def accepted(admin: Client) -> list[str]:
    return [write["text"] for write in admin.call("GET", "/_sandbox/writes") if not write["replayed"]]


def test_drop_before_accepts_nothing(coffee: Client, admin: Client) -> None:
    order(admin, "drop_before")
    with pytest.raises(httpx.RemoteProtocolError):
        coffee.post(POSTS, json={"status": "verloren"})
    assert accepted(admin) == []
    coffee.call("POST", POSTS, json={"status": "danach"})
    assert accepted(admin) == ["danach"]


def test_drop_after_accepts_once_and_a_replay_finds_it(coffee: Client, admin: Client) -> None:
    order(admin, "drop_after")
    options: dict[str, Any] = {"json": {"status": "angenommen"}, "headers": {"Idempotency-Key": "k"}}
    with pytest.raises(httpx.RemoteProtocolError):
        coffee.post(POSTS, **options)
    assert accepted(admin) == ["angenommen"]
    me = coffee.call("GET", "/api/v1/accounts/verify_credentials")["id"]
    (found,) = coffee.call("GET", f"/api/v1/accounts/{me}/statuses")
    assert coffee.call("POST", POSTS, **options)["id"] == found["id"]
    assert accepted(admin) == ["angenommen"]


def test_a_truncated_answer_breaks_off(coffee: Client, admin: Client) -> None:
    order(admin, "truncated")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        coffee.post(POSTS, json={"status": "halb"})
    assert accepted(admin) == ["halb"]


def test_an_error_answer_does_not_act(coffee: Client, admin: Client) -> None:
    order(admin, "status", status=429, retry_after=7)
    answer = coffee.post(POSTS, json={"status": "x"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json() == {"error": "Too many requests"}
    assert accepted(admin) == []


def test_broken_bodies(coffee: Client, admin: Client) -> None:
    order(admin, "not_json")
    assert coffee.post(POSTS, json={"status": "a"}).text.startswith("<!DOCTYPE html>")
    order(admin, "slow_drip", seconds=0)
    assert coffee.call("POST", POSTS, json={"status": "b"})["content"] == "<p>b</p>"
    order(admin, "huge")
    with coffee.stream("POST", POSTS, json={"status": "c"}) as answer:
        read = 0
        for piece in answer.iter_bytes():
            read += len(piece)
            if read > 20_000_000:
                break
    assert read > 20_000_000
    assert accepted(admin) == ["a", "b", "c"]


def test_latency_waits_and_then_acts(coffee: Client, admin: Client) -> None:
    order(admin, "latency", seconds=0.3)
    with pytest.raises(httpx.ReadTimeout):
        coffee.post(POSTS, json={"status": "langsam"}, timeout=0.05)
    order(admin, "latency", seconds=0.01)
    coffee.call("POST", POSTS, json={"status": "danach"})


def test_orders_are_counted_skipped_narrowed_and_taken_back(coffee: Client, admin: Client, box: Sandbox) -> None:
    made = order(admin, "status", status=500, count=2, skip=1, token=box.tokens[COFFEE], path="^/api/v1/stat.*s$")
    seen = [coffee.post(POSTS, json={"status": str(n)}).status_code for n in range(2)]
    assert coffee.post(POSTS, json={"status": "x"}, headers=box.auth(BIKES)).status_code == 200
    assert coffee.get(POSTS).status_code == 200
    assert seen == [200, 500]
    (listed,) = admin.call("GET", "/_sandbox/faults")
    assert (listed["id"], listed["hits"], listed["left"]) == (made["id"], 1, 1)
    admin.call("DELETE", "/_sandbox/faults")
    assert coffee.post(POSTS, json={"status": "y"}).status_code == 200


def test_only_the_admin_pulls_the_strings(browser: httpx.Client, admin: Client, box: Sandbox) -> None:
    for headers in ({}, box.auth(COFFEE), {"Authorization": "Bearer guess"}):
        for method, path in (("POST", "faults"), ("GET", "writes"), ("POST", "say"), ("GET", "mode")):
            assert browser.request(method, f"{box.url}/_sandbox/{path}", headers=headers).status_code == 401
    assert "kind must be" in admin.call("POST", "/_sandbox/faults", 422, json={"kind": "flood"})["error"]
    assert "KeyError" in admin.call("POST", "/_sandbox/say", 422, json={"text": "x"})["error"]


def test_contacts_edit_and_delete_what_they_said(coffee: Client, admin: Client) -> None:
    said = admin.call("POST", "/_sandbox/say", json={"who": "new.person", "text": "Hallo", "to": COFFEE, "media": 1})
    assert said["media_attachments"][0]["description"]
    assert coffee.get(said["media_attachments"][0]["url"]).headers["content-type"] == "image/png"
    admin.call("POST", "/_sandbox/edit", json={"id": said["id"], "text": f"@{COFFEE} Hallo!"})
    seen = coffee.call("GET", f"/api/v1/statuses/{said['id']}")
    assert seen["edited_at"]
    assert seen["content"].endswith("Hallo!</p>")
    admin.call("POST", "/_sandbox/delete", json={"id": said["id"]})
    coffee.call("GET", f"/api/v1/statuses/{said['id']}", 404)
    assert coffee.call("GET", "/api/v1/notifications") == []
