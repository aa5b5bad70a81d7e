"""Contacts who write: who says what, below which post. Used for the past (`history.py`) and the present (`life.py`)."""

from datetime import datetime
from random import Random

from core.sandbox import texts
from core.sandbox.network import Network
from core.sandbox.people import CONTACTS
from core.sandbox.plan import BIKES, CHANNELS
from core.sandbox.rules import Entry, millis
from core.sandbox.store import Row

PLACEHOLDER = {"de": "Platzhalter", "en": "Placeholder"}  # the pictures are drawn hills, see pictures.py
PICTURES = {
    "de": (
        "Eine Tasse Kaffee auf einem Holztisch am Fenster, draußen Regen.",
        "Rohkaffee in einem Jutesack, daneben eine kleine Schaufel.",
        "Die Rösttrommel von vorn, in der Scheibe spiegelt sich der Hafen.",
        "Siebträger mit frisch gemahlenem Kaffee, von oben gesehen.",
        "Drei Pfandgläser mit Bohnen im Regal.",
        "Ein Lastenrad mit Kaffeekisten vor einer Backsteinmauer.",
    ),
    "en": (
        "A grey-green cargo bike by the sea wall, evening light.",
        "Two children under a clear rain cover, laughing.",
        "A workbench with a brake rotor and three wrenches.",
        "A box bike full of cut flowers outside a shop.",
        "Front view of a cargo bike in a narrow hallway.",
        "A brown dog sitting upright in the box of a bike.",
    ),
}

LANGUAGE = {channel.handle: channel.language for channel in CHANNELS}


class Voices:
    """Lets people speak. Everything random comes from `rng`, so that the same seed tells the same story."""

    def __init__(self, network: Network, rng: Random) -> None:
        self.network = network
        self.rng = rng
        self.deck = texts.Deck(rng)
        self._crowds: dict[str, list[Row]] = {}

    def crowd(self, handle: str) -> list[Row]:
        """The contacts who care about a channel."""
        interest = "en" if handle == BIKES else "de"
        if interest not in self._crowds:
            accts = [contact.acct for contact in CONTACTS if contact.interest == interest]
            found = (self.network.find_account(acct) for acct in accts)
            self._crowds[interest] = [row for row in found if row is not None]
        return self._crowds[interest]

    def somebody(self, handle: str, but: int = 0) -> Row:
        """One of the crowd; a few write far more often than the rest, as everywhere."""
        crowd = [row for row in self.crowd(handle) if row["id"] != but]
        return crowd[min(int(self.rng.expovariate(2.2) * len(crowd)), len(crowd) - 1)]

    def say(
        self,
        author: Row,
        text: str,
        *,
        to: Row | None = None,
        below: Row | None = None,
        visibility: str = "public",
        at: datetime | None = None,
        media: tuple[int, ...] = (),
    ) -> Row:
        """Write as somebody. `to` is mentioned, as every client does it in an answer."""
        if to is not None and f"@{to['acct']}" not in text.lower():
            text = f"@{to['acct']} {text}"
        entry = Entry(
            author["id"],
            text,
            visibility=visibility,
            in_reply_to=below["id"] if below else None,
            media=media,
            language=author["language"],
        )
        return self.network.publish(entry, at)

    def comment_on(self, channel: Row, post: Row) -> texts.Talk:
        """What somebody might say below a post of ours, filled in; with the turns that follow."""
        handle = channel["acct"]
        topic = texts.topics().get(post["topic"] or "") or texts.guess_topic(handle, post["text"])
        if topic is None:
            return self.deck.draw(texts.topics()[LANGUAGE[handle]], "reactions")
        return self._filled(self.deck.draw(topic, texts.pick_kind(self.rng, handle)), handle, post["text"])

    def open_talk(self, handle: str, what: str) -> texts.Talk:
        """A mention, a direct message or a public post around a channel, filled in."""
        return self._filled(self.deck.draw(texts.open_of(handle), what), handle, "", dress=what == "directs")

    def _filled(self, talk: texts.Talk, handle: str, post: str, dress: bool = True) -> texts.Talk:
        values = texts.slots(self.rng, handle)
        for name, choices in texts.SLOTS.items():  # a comment speaks of the coffee that the post is about
            values[name] = next((choice for choice in choices if choice in post), values[name])
        text = self.deck.dressed(talk.text, LANGUAGE[handle], self.rng) if dress else talk.text
        return texts.Talk(texts.fill(text, values), tuple((who, texts.fill(turn, values)) for who, turn in talk.turns))

    def thanks(self, handle: str) -> str:
        """What somebody says to an answer of ours."""
        return self.deck.draw(texts.topics()[LANGUAGE[handle]], "thanks").text

    def picture(self, author: Row, language: str, at: datetime | None = None) -> int:
        """A drawn picture with a description, ready to be attached; its media id."""
        created = millis(at or self.network.now())
        return self.network.store.insert(
            "media",
            id=self.network.store.new_id(created, live=at is None),
            account_id=author["id"],
            mime="image/png",
            width=720,
            height=405,
            description=f"{PLACEHOLDER[language]}: {self.rng.choice(PICTURES[language])}",
            sample=f"{self.rng.random():.6f}",
        )
