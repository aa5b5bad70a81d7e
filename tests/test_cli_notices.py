"""The command line of notices: reading them, and where else they go. Addresses hold secrets and are never shown."""

from core import db
from core.services import notices
from core.services.notices import NoticeKind
from tests import factories
from tests.services.test_notice_sending import Inbox, service
from tests.test_cli import rows, run

__all__ = ["service"]


def test_listed_and_read(hub):
    anna = factories.member(email="anna@example.org")
    with db.write() as session:
        notices.notify(session, [anna.id], NoticeKind.MENTIONED, "Ben hat dich erwähnt.", "conversation:7")
    (found,) = rows("notice", "list", "--member", "anna@example.org")
    assert (found["kind"], found["text"], found["target"]) == ("mentioned", "Ben hat dich erwähnt.", "conversation:7")
    assert run("notice", "read", "--member", "anna@example.org").stdout == "1 read.\n"
    assert rows("notice", "list", "--member", "anna@example.org") == []


def test_addresses_come_by_standard_input_and_the_rest_stays(service: Inbox):
    factories.member(email="anna@example.org")
    words = ("notice", "settings", "--member", "anna@example.org")
    assert run(*words, "--addresses-stdin", stdin=f"{service.address}\n").returncode == 0
    ran = run(*words, "--kind", "target", "--quiet", "19:00-08:00", "--digest", "09:00")
    assert ran.returncode == 0 and "geheim" not in ran.stdout
    (found,) = rows(*words)
    assert found == {
        "addresses": ["JSON at 127.0.0.1"],
        "kinds": ["target"],
        "quiet": "19:00-08:00",
        "digest": "09:00",
        "trouble": None,
    }
    assert rows("notice", "test", "--member", "anna@example.org") == [
        {"address": "JSON at 127.0.0.1", "fate": "sent", "said": ""}
    ]
    assert run(*words, "--no-address").returncode == 0 and rows(*words)[0]["addresses"] == []
    assert run("notice", "test", "--member", "anna@example.org").returncode == 1


def test_a_wrong_line_is_one_sentence_and_changes_nothing(hub):
    factories.member(email="anna@example.org")
    words = ("notice", "settings", "--member", "anna@example.org")
    for stdin, told in (("json://geheim:geheim@10.0.0.1/geheim", "private network"), ("anna@example.org", "mailto://")):
        ran = run(*words, "--addresses-stdin", stdin=stdin)
        assert ran.returncode == 1 and told in ran.stderr and ran.stderr.count("\n") == 1 and "geheim" not in ran.stderr
    assert run(*words, "--quiet", "abends").returncode == 1
    assert run(*words, "--kind", "alles").returncode == 1
    assert rows(*words)[0]["addresses"] == []
