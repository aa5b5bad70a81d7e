"""A person's rights: what is stored about them is told, and erased without leaving anything behind."""

import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from core import db
from core.connectors.base import Act, Author, Kind, RemoteMessage
from core.errors import PermissionDenied, UserError
from core.models.channel import Channel
from core.models.inbox import Contact, Conversation, Direction, Message, Sentiment
from core.models.inbox_work import ContactLabel, Deed, Label, Rule
from core.models.monitoring import Mention, Monitor
from core.models.planning import Delivery, DeliveryState
from core.models.team import AuditEntry, Notice, Role
from core.services import contacts, intake
from core.services.contact_erasure import ERASED, Erasure, delete_contact, without_names
from core.services.contact_gdpr import export_contact
from core.services.team import Actor
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")

NOW = db.utc_now()
SECRET = "Xanthippe"  # in whatever is hers and nowhere else


@pytest.fixture
def admin() -> Actor:
    return factories.actor(Role.ADMIN)


class Story:
    """A person with two profiles, a talk of her own, one with others, a hit of a monitor, and what the team knows."""

    def __init__(self, admin: Actor) -> None:
        self.channel: Channel = factories.channel()
        self.her: Contact = factories.contact(
            name=f"{SECRET} Meier",
            handle=f"@{SECRET.lower()}@norden.example",
            remote_id=f"{SECRET}@norden.example",
            url=f"https://norden.example/@{SECRET}",
            note=f"{SECRET} ist von der Presse",
        )
        self.other: Contact = factories.contact("bluesky", name=SECRET, handle=f"{SECRET}.bsky.example")
        self.ben: Contact = factories.contact(name="Ben")
        with db.write() as session:
            contacts.merge(session, admin, self.her.id, self.other.id)
        self.alone = self.talk(self.her, f"Hallo, hier {SECRET}")
        self.answer = self.ours(self.alone, f"@{SECRET}@norden.example Gern, {SECRET}!", self.alone_remote)
        self.note = factories.message(
            self.alone, f"{SECRET} zurückrufen", direction=Direction.NOTE, remote_id=None, member_id=admin.id
        )
        self.shared = self.talk(self.ben, "Wann gibt es Nachschub?")
        hers = factories.message(
            self.shared, "Das frage ich mich auch", contact_id=self.her.id, remote_id=f"at://{SECRET}/1"
        )
        self.to_her = self.ours(self.shared, f"Bald, {SECRET}", hers.remote_id)
        self.to_ben = self.ours(self.shared, f"Wie {SECRET} Meier schon sagt: bald", "elsewhere")
        factories.message(self.shared, "Aha", contact_id=self.ben.id, reply_to=hers.remote_id)
        self.know(admin)

    @property
    def alone_remote(self) -> str | None:
        with db.read() as session:
            return session.exec(
                select(Message.remote_id).where(Message.conversation_id == self.alone.id).order_by(Message.id)
            ).first()

    def talk(self, who: Contact, words: str) -> Conversation:
        row: Conversation = factories.conversation(self.channel.id, words, contact_id=who.id, preview=words)
        with db.write() as session:
            message = session.exec(select(Message).where(Message.conversation_id == row.id)).one()
            message.contact_id = who.id
        return row

    def ours(self, talk: Conversation, words: str, reply_to: str | None) -> Message:
        row: Message = factories.message(talk, words, direction=Direction.OUT, reply_to=reply_to)
        with db.write() as session:
            parts = [{"request": {"status": words}, "remote_id": row.remote_id}]
            state = DeliveryState.PUBLISHED
            session.add(Delivery(channel_id=self.channel.id, message_id=row.id, state=state, parts=parts))
        return row

    def know(self, admin: Actor) -> None:
        with db.write() as session:
            monitor, label = Monitor(name="Wir", query="#wir"), Label(name="Presse")
            session.add_all([monitor, label])
            session.flush()
            session.add_all(
                [
                    Mention(
                        monitor_id=monitor.id,
                        channel_id=self.channel.id,
                        contact_id=self.other.id,
                        remote_id="hit",
                        thread_id="hit",
                        uri=f"https://norden.example/@{SECRET}/9",
                        text=f"{SECRET} mag euch",
                        sent_at=NOW - timedelta(days=2),
                    ),
                    ContactLabel(contact_id=self.her.id, label_id=label.id),
                    Deed(channel_id=self.channel.id, contact_id=self.her.id, act=Act.FOLLOW, member_id=admin.id),
                    Rule(
                        name="VIP",
                        conditions={
                            "match": "all",
                            "of": [{"on": "contact", "is": [f"{SECRET.lower()}@norden.example"]}],
                        },
                    ),
                    *(
                        Notice(member_id=admin.id, kind="target", text=told, target=target)
                        for told, target in (
                            (f"{SECRET} Meier on @wir: the answer is due.", ""),
                            ("Somebody mentioned you.", f"conversation:{self.alone.id}"),
                            ("Ben on @wir: the answer is due.", f"conversation:{self.shared.id}"),
                        )
                    ),
                ]
            )


def erase(admin: Actor, contact_id: int) -> Erasure:
    with db.write() as session:
        return delete_contact(session, admin, contact_id)


def everything(but: tuple[str, ...] = ()) -> dict[str, str]:
    """All rows of all tables, as text."""
    found = {}
    with db.engine().connect() as connection:
        names = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%fts%'"
        )
        for (name,) in names.all():
            if name not in but:
                found[name] = repr(connection.exec_driver_sql(f'SELECT * FROM "{name}"').all())
    return found


# --- erasing ----------------------------------------------------------------------------------------------------------


def test_no_table_holds_a_trace_of_an_erased_person(admin: Actor):
    story = Story(admin)
    assert SECRET in everything()["message"]
    made = erase(admin, story.other.id)  # whichever profile was asked for
    assert made == Erasure(profiles=2, messages=2, conversations=1, mentions=1, rules=("VIP",))
    left = {name for name, rows in everything(but=("rule",)).items() if SECRET.lower() in rows.lower()}
    assert left == set()
    with db.engine().connect() as connection:
        hits = "SELECT count(*) FROM message_fts WHERE message_fts MATCH ?"
        assert connection.exec_driver_sql(hits, (SECRET,)).scalar() == 0


def test_what_others_wrote_and_what_we_said_to_them_stays(admin: Actor):
    story = Story(admin)
    erase(admin, story.her.id)
    with db.read() as session:
        talk = session.exec(select(Conversation)).one()
        texts = [row.text for row in session.exec(select(Message).order_by(Message.sent_at, Message.id))]
        answer = session.get_one(Message, story.to_her.id)
        notices = [row.text for row in session.exec(select(Notice))]
        kept = set(session.exec(select(Contact.id)))
    assert story.ben.id in kept and not kept & {story.her.id, story.other.id}
    assert talk.id == story.shared.id and talk.contact_id == story.ben.id and talk.preview == "Aha"
    assert talk.message_count == 4 and talk.unread <= 4
    assert texts == ["Wann gibt es Nachschub?", f"Bald, {ERASED}", f"Wie {ERASED} schon sagt: bald", "Aha"]
    assert answer.reply_to is None
    assert notices == ["Ben on @wir: the answer is due."]


def test_the_audit_trail_says_how_much_and_not_who(admin: Actor):
    story = Story(admin)
    erase(admin, story.her.id)
    with db.read() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "contact.erase")).one()
    assert entry.member_id == admin.id and entry.target == f"contact:{story.her.id}"
    assert entry.detail == "2 profiles, 2 messages, 1 conversations, 1 mentions"


def test_the_file_itself_forgets_her_words(admin: Actor, hub: Path):
    """What is deleted is overwritten: nobody finds it in the database file afterwards."""
    words = "Zwetschgenkuchenrezept"
    anna = factories.contact()
    talk = factories.conversation(factories.channel().id, "x", contact_id=anna.id)
    factories.message(talk, f"{words} " * 40, contact_id=anna.id)
    with db.write() as session:
        for row in session.exec(select(Message).where(Message.text == "x")):
            row.contact_id = anna.id
    erase(admin, anna.id)
    db.reset()
    with sqlite3.connect(hub / "hub.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert f"{words} {words}".encode() not in (hub / "hub.db").read_bytes()


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (DeliveryState.SENDING, "being sent right now"),
        (DeliveryState.CHECKING, "being sent right now"),
        (DeliveryState.UNCONFIRMED, "Say so in the conversation first"),
    ],
)
def test_nobody_is_erased_while_an_answer_is_under_way(admin: Actor, state: DeliveryState, why: str):
    story = Story(admin)
    with db.write() as session:
        session.exec(select(Delivery).where(Delivery.message_id == story.answer.id)).one().state = state
    with pytest.raises(UserError, match=why):
        erase(admin, story.her.id)
    assert SECRET in everything()["contact"]


def test_an_answer_that_is_not_out_yet_never_goes_out(admin: Actor):
    story = Story(admin)
    with db.write() as session:
        for row in session.exec(select(Delivery)):
            row.state = DeliveryState.SCHEDULED
    erase(admin, story.her.id)
    with db.read() as session:
        waiting = [row.message_id for row in session.exec(select(Delivery))]
        assert waiting == [story.to_ben.id]
        # What goes to others goes as it was written.
        assert SECRET in session.get_one(Message, story.to_ben.id).text


def test_only_administrators_erase(admin: Actor):
    story = Story(admin)
    for role in (Role.EDITOR, Role.VIEWER):
        somebody = factories.actor(role)
        with db.write() as session, pytest.raises(PermissionDenied, match="erase a person's data"):
            delete_contact(session, somebody, story.her.id)


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("Hallo @anna@norden.example!", f"Hallo {ERASED}!"),
        ("ANNA: danke", f"{ERASED}: danke"),
        ("Hannas Annalena", "Hannas Annalena"),
        ("Grüße an Anna", f"Grüße an {ERASED}"),
        ("(Anna)", f"({ERASED})"),
    ],
)
def test_names_go_as_whole_words(words: str, left: str):
    assert without_names(words, ("Anna", "anna@norden.example")) == left
    assert without_names(words, ()) == words


# --- erased stays erased ----------------------------------------------------------------------------------------------


def remote(key: str, author: Contact | None, text: str = "Hallo", **values: Any) -> RemoteMessage:
    who = Author(author.remote_id, author.handle, author.name, None, None) if author else Author("us", "@us", "Us")
    given = {"thread_id": f"t-{key}", "sent_at": NOW - timedelta(hours=1), "kind": Kind.MENTION} | values
    return RemoteMessage(remote_id=key, author=who, text=text, is_own=author is None, **given)


def test_what_was_erased_does_not_come_in_again_but_what_is_new_does(admin: Actor):
    anna, ben, channel = factories.contact(), factories.contact(), factories.channel()
    items = [
        remote("a", anna, SECRET),
        remote("b", ben, "Von Ben"),
        remote("o", None, f"Hallo {SECRET}", thread_id="t-a", reply_to="a"),
    ]

    def come_in(*given: RemoteMessage) -> set[str]:
        with db.write() as session:
            intake.store_messages(session, session.get_one(Channel, channel.id), given)
        with db.read() as session:
            return {row.text for row in session.exec(select(Message))}

    assert len(come_in(*items)) == 3
    with db.read() as session:
        stored = session.exec(select(Contact).where(Contact.remote_id == anna.remote_id)).one()
    erase(admin, stored.id)
    assert come_in(*items) == {"Von Ben"}
    with db.read() as session:
        assert session.exec(select(Contact).where(Contact.remote_id == anna.remote_id)).first() is None
    new = remote("a2", anna, "Da bin ich wieder", sent_at=db.utc_now() + timedelta(seconds=1))
    assert come_in(*items, new) == {"Von Ben", "Da bin ich wieder"}


def test_monitors_do_not_find_an_erased_person_again(admin: Actor):
    story = Story(admin)
    erase(admin, story.her.id)
    with db.write() as session:
        channel = session.get_one(Channel, story.channel.id)
        monitor = session.exec(select(Monitor)).one()
        assert intake.store_mentions(session, monitor.id, channel, [remote("x", story.her, SECRET)]) == 0
    assert SECRET not in everything()["mention"] + everything()["contact"]


# --- telling ----------------------------------------------------------------------------------------------------------


def exported(actor: Actor, contact_id: int) -> dict[str, Any]:
    with db.write() as session:
        return json.loads(json.dumps(export_contact(session, actor, contact_id)))


def test_a_copy_of_all_that_is_stored(admin: Actor):
    story = Story(admin)
    with db.write() as session:
        row = session.exec(select(Message).where(Message.text == "Das frage ich mich auch")).one()
        row.sentiment, row.corrected = Sentiment.NEGATIVE, True
    told = exported(admin, story.other.id)
    assert [row["name"] for row in told["profiles"]] == [f"{SECRET} Meier", SECRET]
    assert told["profiles"][0]["note"] == f"{SECRET} ist von der Presse"
    assert told["labels"] == ["Presse"] and told["stage"]["by"] == "derived"
    assert {row["text"] for row in told["messages"]} == {f"Hallo, hier {SECRET}", "Das frage ich mich auch"}
    mood = next(row for row in told["messages"] if row["text"] == "Das frage ich mich auch")
    assert (mood["mood"], mood["mood_by"]) == ("negative", "a member")
    assert {row["id"]: row["with_others"] for row in told["conversations"]} == {
        story.alone.id: False,
        story.shared.id: True,
    }
    assert [row["text"] for row in told["notes"]] == [f"{SECRET} zurückrufen"]
    assert [row["text"] for row in told["mentions"]] == [f"{SECRET} mag euch"]
    assert [row["did"] for row in told["actions"]] == ["follow"]


def test_the_copy_tells_nothing_of_others(admin: Actor):
    story = Story(admin)
    told = exported(admin, story.her.id)
    texts = [row["text"] for row in told["answers"]]
    assert f"Bald, {SECRET}" in texts and f"Wie {SECRET} Meier schon sagt: bald" not in texts
    assert "Nachschub" not in json.dumps(told) and "Aha" not in json.dumps(told)


def test_the_copy_leaves_a_line_and_is_not_for_viewers(admin: Actor):
    story = Story(admin)
    exported(factories.actor(Role.EDITOR), story.her.id)
    with db.read() as session:
        assert session.exec(select(AuditEntry).where(AuditEntry.action == "contact.export")).one().detail == ""
    with pytest.raises(PermissionDenied):
        exported(factories.actor(Role.VIEWER), story.her.id)


def test_a_copy_costs_as_much_for_many_messages_as_for_few(admin: Actor):
    story = Story(admin)
    with counted() as few:
        exported(admin, story.her.id)
    for _ in range(20):
        story.talk(story.her, "Noch eine")
    with counted() as many:
        assert len(exported(admin, story.her.id)["messages"]) == 22
    assert len(few) == len(many)
