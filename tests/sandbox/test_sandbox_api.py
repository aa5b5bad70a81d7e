"""The sandbox answers as docs.joinmastodon.org says, and as real servers did."""

import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from core.sandbox.plan import BIKES, CHANNELS, COFFEE
from core.sandbox.serve import Sandbox
from tests import videos

from .conftest import Client

STATUS = {
    "id", "uri", "created_at", "account", "content", "visibility", "sensitive", "spoiler_text", "media_attachments",
    "mentions", "tags", "emojis", "reblogs_count", "favourites_count", "replies_count", "url", "in_reply_to_id",
    "in_reply_to_account_id", "reblog", "poll", "card", "language", "edited_at", "application",
}  # fmt: skip
ACCOUNT = {
    "id", "username", "acct", "url", "uri", "display_name", "note", "avatar", "avatar_static", "header",
    "header_static", "locked", "fields", "emojis", "bot", "group", "discoverable", "created_at", "last_status_at",
    "statuses_count", "followers_count", "following_count",
}  # fmt: skip
MEDIA = {"id", "type", "url", "preview_url", "remote_url", "meta", "description", "blurhash"}
NOTIFICATION = {"id", "type", "group_key", "created_at", "account"}


def picture(width: int = 40, height: int = 30) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, "PNG")
    return out.getvalue()


def walk(client: Client, path: str, direction: str, **params: Any) -> list[dict[str, Any]]:
    """Follow Link headers to the end."""
    found: list[dict[str, Any]] = []
    answer = client.get(path, params=params)
    while answer.json():
        found += answer.json()
        if direction not in answer.links:
            break
        answer = client.get(answer.links[direction]["url"])
    return found


def test_entities_have_the_documented_fields(bikes: Client) -> None:
    me = bikes.call("GET", "/api/v1/accounts/verify_credentials")
    assert me.keys() >= ACCOUNT
    assert {"source", "role"} <= me.keys()
    posts = bikes.call("GET", f"/api/v1/accounts/{me['id']}/statuses", params={"only_media": "true"})
    assert posts[0].keys() >= STATUS
    assert posts[0]["account"].keys() >= ACCOUNT
    assert posts[0]["media_attachments"][0].keys() >= MEDIA
    for notification in bikes.call("GET", "/api/v1/notifications", params={"types[]": "mention"}):
        assert notification.keys() >= NOTIFICATION
        assert notification["status"]["mentions"][0].keys() == {"id", "username", "url", "acct"}
    conversation = bikes.call("GET", "/api/v1/conversations")[0]
    assert conversation.keys() == {"id", "unread", "accounts", "last_status"}
    assert conversation["last_status"]["visibility"] == "direct"


def test_the_server_says_what_it_is_and_what_it_takes(bikes: Client) -> None:
    new, old = bikes.call("GET", "/api/v2/instance"), bikes.call("GET", "/api/v1/instance")
    assert new["title"] == old["title"] == "Social Hub Sandbox"
    assert "Sandbox" in new["description"]
    assert new["source_url"] == "https://github.com/social-hub/sandbox"
    assert new["configuration"]["sandbox"] == {"idempotency": True}
    for limits in (new["configuration"], old["configuration"]):
        assert limits["statuses"]["max_characters"] == 500
        assert "image/png" in limits["media_attachments"]["supported_mime_types"]


def test_everybody_is_marked_as_invented(browser: httpx.Client, past: Sandbox, bikes: Client) -> None:
    for channel in CHANNELS:
        assert "Sandbox" in channel.name
    for status in bikes.call("GET", "/api/v1/timelines/public", params={"limit": 12}):
        assert "Sandbox – invented people" in status["account"]["note"]
        page = browser.get(status["url"])
        assert page.status_code == 200
        assert "Sandbox – invented people" in page.text


@pytest.mark.parametrize("direction", ["older", "newer"])
def test_paging_loses_nothing(bikes: Client, past: Sandbox, direction: str) -> None:
    me = bikes.call("GET", "/api/v1/accounts/verify_credentials")["id"]
    sql = "SELECT count(*) FROM {} WHERE account_id = ?"
    for path, table in ((f"/api/v1/accounts/{me}/statuses", "status"), ("/api/v1/notifications", "notification")):
        if direction == "older":
            found = walk(bikes, path, "next", limit=17)
            ids = [int(entity["id"]) for entity in found]
            assert all(a > b for a, b in pairwise(ids))
        else:
            found = walk(bikes, path, "prev", limit=17, min_id=0)
            ids = [int(entity["id"]) for entity in found]
        assert len(set(ids)) == len(ids) == past.network.store.value(sql.format(table), int(me))


def test_min_id_gives_the_nearest_and_since_id_the_newest(bikes: Client) -> None:
    path = "/api/v1/timelines/tag/cargobike"
    newest = [s["id"] for s in bikes.call("GET", path, params={"limit": 10})]
    assert [s["id"] for s in bikes.call("GET", path, params={"limit": 3, "since_id": newest[9]})] == newest[:3]
    assert [s["id"] for s in bikes.call("GET", path, params={"limit": 3, "min_id": newest[9]})] == newest[6:9]
    assert [s["id"] for s in bikes.call("GET", path, params={"limit": 3, "max_id": newest[2]})] == newest[3:6]


def test_a_tag_timeline_takes_more_tags(bikes: Client) -> None:
    found = bikes.call("GET", "/api/v1/timelines/tag/ebike", params={"any[]": ["bikecity"], "limit": 40})
    names = [{tag["name"] for tag in status["tags"]} for status in found]
    assert all(n & {"ebike", "bikecity"} for n in names)
    assert any("bikecity" in n and "ebike" not in n for n in names)


def test_a_post_reads_as_mastodon_writes_it(coffee: Client, box: Sandbox) -> None:
    text = 'Moin @lena.w@norden.example & "alle"!\nhttps://www.example.org/a-long/path/that/goes/on/and/on\n\n#Kaffee'
    status = coffee.call("POST", "/api/v1/statuses", json={"status": text})
    assert status["content"].startswith('<p>Moin <span class="h-card" translate="no"><a href="')
    assert 'class="u-url mention">@<span>lena.w</span></a></span> &amp; &quot;alle&quot;!<br />' in status["content"]
    assert '<span class="invisible">https://www.</span><span class="ellipsis">' in status["content"]
    tag = f'<p><a href="{box.url}/tags/kaffee" class="mention hashtag" rel="tag">#<span>Kaffee</span></a></p>'
    assert status["content"].endswith(tag)
    assert status["mentions"][0]["acct"] == "lena.w@norden.example"
    assert status["tags"] == [{"name": "kaffee", "url": f"{box.url}/tags/kaffee"}]


def test_hostile_text_stays_text(browser: httpx.Client, admin: Client) -> None:
    said = admin.call("POST", "/_sandbox/say", json={"who": "walt", "text": "<script>alert(1)</script> #x<b>"})
    assert "<script>" not in said["content"]
    assert "<script>alert" not in browser.get(said["url"]).text


def test_what_mastodon_refuses_is_refused(coffee: Client) -> None:
    def refused(**body: Any) -> str:
        error: str = coffee.call("POST", "/api/v1/statuses", 422, json=body)["error"]
        return error

    assert "can't be blank" in refused(status=" ")
    assert "character limit of 500" in refused(status="ä" * 501)
    assert "Media (999)" in refused(status="x", media_ids=["999"])
    assert "Visibility" in refused(status="x", visibility="secret")
    assert "scheduled_at" in refused(status="x", scheduled_at="2030-01-01T00:00:00Z")
    coffee.call("POST", "/api/v1/statuses", 404, json={"status": "x", "in_reply_to_id": "1"})
    coffee.call("POST", "/api/v1/statuses", json={"status": "👨‍👩‍👧‍👦" * 400 + " https://example.org/" + "x" * 300})


def test_edit_keeps_the_old_wording_and_delete_removes(coffee: Client) -> None:
    status = coffee.call("POST", "/api/v1/statuses", json={"status": "Erste Fassung #alt"})
    path = f"/api/v1/statuses/{status['id']}"
    edited = coffee.call("PUT", path, json={"status": "Zweite Fassung #neu"})
    assert edited["edited_at"]
    assert [t["name"] for t in edited["tags"]] == ["neu"]
    assert [h["content"][3:8] for h in coffee.call("GET", f"{path}/history")] == ["Erste", "Zweit"]
    assert coffee.call("GET", "/api/v1/timelines/tag/alt") == []
    assert coffee.call("DELETE", path)["text"] == "Zweite Fassung #neu"
    assert coffee.call("GET", path, 404) == {"error": "Record not found"}
    assert coffee.call("GET", "/api/v2/search", params={"q": "Fassung"})["statuses"] == []


def test_an_edit_states_the_whole_post_and_leaves_out_what_it_does_not_name(coffee: Client) -> None:
    image = coffee.call(
        "POST", "/api/v2/media", files={"file": ("a.png", picture(), "image/png")}, data={"description": "A"}
    )
    body = {"status": "Eins", "media_ids": [image["id"]], "spoiler_text": "Kaffee", "language": "de"}
    path = f"/api/v1/statuses/{coffee.call('POST', '/api/v1/statuses', json=body)['id']}"
    same = coffee.call("PUT", path, json=body | {"sensitive": True})
    assert same["edited_at"] is None and coffee.call("GET", f"{path}/history")[1:] == []
    kept = coffee.call("PUT", path, json=body | {"status": "Zwei", "sensitive": True})
    assert [m["description"] for m in kept["media_attachments"]] == ["A"]
    assert (kept["spoiler_text"], kept["sensitive"], kept["language"]) == ("Kaffee", True, "de")
    bare = coffee.call("PUT", path, json={"status": "Drei"})
    assert (bare["media_attachments"], bare["spoiler_text"], bare["sensitive"]) == ([], "", False)
    coffee.call("PUT", path, 422, json={"status": " "})


def test_a_thread_of_several_turns_is_its_context(coffee: Client, admin: Client) -> None:
    root = coffee.call("POST", "/api/v1/statuses", json={"status": "Neue Ernte!"})
    ask = admin.call("POST", "/_sandbox/say", json={"who": "cem", "text": "Wann?", "in_reply_to": root["id"]})
    side = admin.call("POST", "/_sandbox/say", json={"who": "ruth", "text": "Schön.", "in_reply_to": root["id"]})
    ours = coffee.call("POST", "/api/v1/statuses", json={"status": "@cem Heute.", "in_reply_to_id": ask["id"]})
    context = coffee.call("GET", f"/api/v1/statuses/{ours['id']}/context")
    assert [s["id"] for s in context["ancestors"]] == [root["id"], ask["id"]]
    below = coffee.call("GET", f"/api/v1/statuses/{root['id']}/context")["descendants"]
    assert [s["id"] for s in below] == [ask["id"], side["id"], ours["id"]]
    told = coffee.call("GET", "/api/v1/notifications", params={"types[]": "mention"})
    assert [n["status"]["id"] for n in told] == [side["id"], ask["id"]]
    assert coffee.call("GET", f"/api/v1/statuses/{root['id']}")["replies_count"] == 2


def test_direct_messages_are_seen_by_those_who_take_part(
    browser: httpx.Client, coffee: Client, admin: Client, box: Sandbox
) -> None:
    said = {"who": "frauke@kueste.example", "text": "Kundennummer 48213", "to": COFFEE, "visibility": "direct"}
    first = admin.call("POST", "/_sandbox/say", json=said)
    conversation = coffee.call("GET", "/api/v1/conversations")[0]
    assert conversation["unread"] is True
    assert [a["acct"] for a in conversation["accounts"]] == ["frauke@kueste.example"]
    answer = {"status": "@frauke@kueste.example Danke!", "visibility": "direct", "in_reply_to_id": first["id"]}
    coffee.call("POST", "/api/v1/statuses", json=answer)
    (conversation,) = coffee.call("GET", "/api/v1/conversations")
    assert conversation["unread"] is False
    assert "Danke" in conversation["last_status"]["content"]
    other = {"headers": box.auth(BIKES)}
    coffee.call("GET", f"/api/v1/statuses/{first['id']}", 404, **other)
    assert coffee.call("GET", "/api/v2/search", params={"q": "48213"}, **other)["statuses"] == []
    assert len(coffee.call("GET", "/api/v2/search", params={"q": "48213"})["statuses"]) == 1
    assert "48213" not in browser.get(f"{box.url}/@frauke@kueste.example").text


def test_likes_and_boosts_count_once(coffee: Client, admin: Client) -> None:
    status = coffee.call("POST", "/api/v1/statuses", json={"status": "Moin"})
    for _ in range(2):
        admin.call("POST", "/_sandbox/like", json={"id": status["id"], "who": "cem"})
        admin.call("POST", "/_sandbox/like", json={"id": status["id"], "who": "ruth", "reblog": True})
    seen = coffee.call("GET", f"/api/v1/statuses/{status['id']}")
    assert (seen["favourites_count"], seen["reblogs_count"]) == (1, 1)
    assert {n["type"] for n in coffee.call("GET", "/api/v1/notifications")} == {"favourite", "reblog"}


def test_an_uploaded_image_is_attached_once_and_served(coffee: Client) -> None:
    file = {"file": ("a.png", picture(), "image/png")}
    media = coffee.call("POST", "/api/v2/media", files=file, data={"description": "Eine Tasse"})
    assert media["meta"]["original"]["width"] == 40
    assert coffee.get(media["url"]).content == picture()
    status = coffee.call("POST", "/api/v1/statuses", data={"status": "Bild", "media_ids[]": [media["id"]]})
    assert status["media_attachments"][0]["description"] == "Eine Tasse"
    again = coffee.call("POST", "/api/v1/statuses", 422, data={"status": "Bild", "media_ids[]": [media["id"]]})
    assert "already attached" in again["error"]


def test_a_video_is_worked_on_first_and_stands_alone(coffee: Client, tmp_path: Path) -> None:
    clip = videos.make(tmp_path / "a.mp4").read_bytes()
    media = coffee.call("POST", "/api/v2/media", 202, files={"file": ("a.mp4", clip, "video/mp4")})
    assert media["url"] is None and media["type"] == "video"
    assert coffee.get(coffee.call("GET", f"/api/v1/media/{media['id']}")["url"]).content == clip
    data = {"focus": "-0.5,0.25"}
    picked = coffee.call("POST", "/api/v2/media", files={"file": ("a.png", picture(), "image/png")}, data=data)
    assert picked["meta"]["focus"] == {"x": -0.5, "y": 0.25}
    both = {"status": "Beides", "media_ids[]": [media["id"], picked["id"]]}
    assert "Cannot attach a video" in coffee.call("POST", "/api/v1/statuses", 422, data=both)["error"]
    status = coffee.call("POST", "/api/v1/statuses", data={"status": "Film", "media_ids[]": [media["id"]]})
    assert status["media_attachments"][0]["type"] == "video"


def test_files_that_are_no_images_or_too_large_are_refused(coffee: Client) -> None:
    wrong = coffee.call("POST", "/api/v2/media", 422, files={"file": ("a.png", b"hello", "image/png")})
    assert "content type" in wrong["error"]
    large = picture() + b"\0" * (10 * 1024 * 1024)
    assert "10 MB" in coffee.call("POST", "/api/v2/media", 422, files={"file": ("a.png", large)})["error"]
    long = {"files": {"file": ("a.png", picture())}, "data": {"description": "x" * 1501}}
    assert "Description" in coffee.call("POST", "/api/v2/media", 422, **long)["error"]
    assert "blank" in coffee.call("POST", "/api/v2/media", 422)["error"]


def test_an_idempotency_key_makes_one_post(coffee: Client, admin: Client, box: Sandbox) -> None:
    def send() -> str:
        sent = coffee.call("POST", "/api/v1/statuses", json={"status": "Nur einmal"}, headers={"Idempotency-Key": "k"})
        return str(sent["id"])

    assert send() == send()
    assert [w["replayed"] for w in admin.call("GET", "/_sandbox/writes")] == [False, True]
    other = {"Idempotency-Key": "k"} | box.auth(BIKES)
    assert coffee.call("POST", "/api/v1/statuses", json={"status": "x"}, headers=other)["id"] != send()
    assert admin.call("POST", "/_sandbox/mode", json={"idempotency": False})["idempotency"] is False
    assert send() != send()
    assert coffee.call("GET", "/api/v2/instance")["configuration"]["sandbox"]["idempotency"] is False


def test_signed_out_revoked_and_too_narrow_tokens(coffee: Client, admin: Client, box: Sandbox) -> None:
    home = "/api/v1/timelines/home"
    assert coffee.call("GET", home, 401, headers={"Authorization": ""})["error"] == "The access token is invalid"
    token = admin.call("POST", "/_sandbox/token", json={"handle": COFFEE, "scopes": "read"})["token"]
    narrow = {"headers": {"Authorization": f"Bearer {token}"}}
    coffee.call("GET", home, **narrow)
    said = coffee.call("POST", "/api/v1/statuses", 403, json={"status": "x"}, **narrow)
    assert "scope" in said["error"]
    admin.call("POST", "/_sandbox/revoke", json={"token": box.tokens[COFFEE]})
    assert coffee.call("GET", home, 401)["error"] == "The access token was revoked"
    assert coffee.call("GET", "/api/v1/instance", 401)
    coffee.call("GET", home, headers=box.auth(BIKES))  # the others go on
    admin.call("POST", "/_sandbox/revoke", json={"token": box.tokens[COFFEE], "restore": True})
    coffee.call("GET", home)


def test_the_rate_limit_is_told_and_kept(coffee: Client, admin: Client) -> None:
    admin.call("POST", "/_sandbox/mode", json={"rate_limit": 2})
    left = [coffee.get("/api/v1/timelines/home").headers["x-ratelimit-remaining"] for _ in range(2)]
    assert left == ["1", "0"]
    answer = coffee.get("/api/v1/timelines/home")
    assert (answer.status_code, answer.json()["error"]) == (429, "Too many requests")
    assert answer.headers["x-ratelimit-reset"].endswith("Z")


def test_several_statuses_at_once_leave_out_what_is_gone(coffee: Client) -> None:
    ids = [coffee.call("POST", "/api/v1/statuses", json={"status": f"Nummer {n}"})["id"] for n in range(3)]
    coffee.call("DELETE", f"/api/v1/statuses/{ids[1]}")
    assert [s["id"] for s in coffee.call("GET", "/api/v1/statuses", params={"id[]": ids})] == [ids[0], ids[2]]


def test_search_finds_words_phrases_tags_and_people(bikes: Client) -> None:
    found = bikes.call("GET", "/api/v2/search", params={"q": "hohe", "type": "statuses"})["statuses"]
    assert found == [] or "hohe" in found[0]["content"].lower()
    spoken = bikes.call("GET", "/api/v2/search", params={"q": '"parking spots"'})["statuses"]
    assert spoken
    assert all("parking spots" in s["content"] for s in spoken)
    assert bikes.call("GET", "/api/v2/search", params={"q": "spots parking nowhere"})["statuses"] == []
    folded = bikes.call("GET", "/api/v2/search", params={"q": "rosterei"})["statuses"]
    assert any("Rösterei" in s["content"] for s in folded)
    assert bikes.call("GET", "/api/v2/search", params={"q": "#cargo"})["hashtags"][0]["name"] == "cargobike"
    assert bikes.call("GET", "/api/v2/search", params={"q": "femke"})["accounts"][0]["acct"] == "femke@lowlands.example"
    by_url = bikes.call("GET", "/api/v2/search", params={"q": spoken[0]["url"], "resolve": "true"})["statuses"]
    assert by_url[0]["id"] == spoken[0]["id"]
    bikes.call("GET", "/api/v2/search", params={"q": '"" OR * NEAR('})  # no query language leaks through


def test_own_answers_are_left_out_on_request_but_threads_stay(coffee: Client, admin: Client) -> None:
    me = coffee.call("GET", "/api/v1/accounts/verify_credentials")["id"]
    first = coffee.call("POST", "/api/v1/statuses", json={"status": "Eins"})
    second = coffee.call("POST", "/api/v1/statuses", json={"status": "Zwei", "in_reply_to_id": first["id"]})
    ask = admin.call("POST", "/_sandbox/say", json={"who": "cem", "text": "?", "in_reply_to": first["id"]})
    coffee.call("POST", "/api/v1/statuses", json={"status": "@cem !", "in_reply_to_id": ask["id"]})
    coffee.call("POST", f"/api/v1/statuses/{ask['id']}/reblog")
    asked = {"exclude_replies": "true", "exclude_reblogs": "true"}
    found = coffee.call("GET", f"/api/v1/accounts/{me}/statuses", params=asked)
    assert [s["id"] for s in found] == [second["id"], first["id"]]
    assert len(coffee.call("GET", f"/api/v1/accounts/{me}/statuses")) == 4
