"""Text blocks, people and what goes with a post, on the command line."""

import json

from typer.testing import CliRunner

from core import db
from core.cli import app
from core.connectors.base import Limits
from core.connectors.bluesky import LIMITS
from core.models.planning import Post
from tests import factories

AT = "2031-07-01T09:00:00+02:00"


def run(*words: str, stdin: str | None = None, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(words), input=stdin)
    assert result.exit_code == code, result.output
    return result.output


def test_text_blocks(hub):
    run("block", "add", "Kaffee", "--kind", "hashtags", "--text", "Kaffee #Tee")
    run("block", "add", "Öffnungszeiten", "--text", "-", stdin="Täglich bis 18 Uhr.\n")
    assert "already is" in run("block", "add", "kaffee", "--kind", "hashtags", "--text", "x", code=1)
    assert "no kind" in run("block", "list", "--kind", "liste", code=2)
    run("block", "change", "Kaffee", "--rename", "Heißes")
    (tags, snippet) = json.loads(run("block", "list", "--json"))
    assert (tags["name"], tags["text"]) == ("Heißes", "#Kaffee #Tee")
    assert (snippet["kind"], snippet["text"]) == ("snippet", "Täglich bis 18 Uhr.")
    run("block", "remove", "Heißes")
    assert "Heißes" not in run("block", "list")


def test_people(hub):
    run("person", "add", "Lena", "--handle", "mastodon=@lena@norden.social")
    run("person", "change", "lena", "--handle", "bluesky=lena.bsky.social", "--rename", "Lena Fuchs")
    contact = factories.contact(name="Otto", handle="@otto@norden.social")
    run("person", "from-contact", str(contact.id))
    lena, otto = json.loads(run("person", "list", "--json"))
    assert lena["handles"] == {"mastodon": "lena@norden.social", "bluesky": "lena.bsky.social"}
    assert otto["handles"] == {"mastodon": "otto@norden.social"}
    assert "network=handle" in run("person", "add", "X", "--handle", "ohne", code=2)
    run("person", "remove", "Otto")
    assert "Otto" not in run("person", "list") and "mastodon=lena@norden.social" in run("person", "list")


def test_everything_that_goes_with_a_post(hub):
    one = factories.channel(limits=Limits(url_length=23).to_json())
    two = factories.channel("bluesky", limits=LIMITS.to_json())
    run("person", "add", "Lena", "--handle", "mastodon=lena@norden.social")
    number = run(
        *("post", "schedule", "--channel", str(one.id), "--channel", str(two.id), "--at", AT),
        *("--text", f"Von @[Lena]: https://a.example {'Ein Satz mit Worten. ' * 16}", "--split", "--number"),
        *("--content-warning", "Essen", "--visibility", "unlisted", "--first-comment", "Mehr"),
        *("--language", "de", "--campaign", "Herbst", "--tag-links"),
    ).strip()
    with db.read() as session:
        post = session.get_one(Post, int(number))
        assert (post.content_warning, post.visibility, post.language, post.tagged) == ("Essen", "unlisted", "de", True)
    rows = json.loads(run("post", "draft", number, "--json"))
    assert all(row["length"] <= row["limit"] for row in rows)
    assert [row["comment"] for row in rows if row["channel_id"] == two.id] == [False, False, True]
    first = next(row for row in rows if row["channel_id"] == one.id)
    assert first["text"].startswith("Von @lena@norden.social: https://a.example?utm_source=mastodon&")
    assert first["text"].endswith(" 1/2")
    told = run(
        "post", "schedule", "--channel", str(two.id), "--at", AT, "--text", "x", "--visibility", "private", code=1
    )
    assert "everybody would see it" in told
