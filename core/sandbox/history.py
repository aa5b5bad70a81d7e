"""The founding of the network: accounts, tokens and half a year of posts, threads, mentions and messages.

The same seed at the same time of founding writes the same history. Nothing here runs later on.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from core.sandbox import growth, texts
from core.sandbox.network import Network
from core.sandbox.people import CONTACTS
from core.sandbox.plan import CHANNELS, COFFEE, HELP
from core.sandbox.rules import Entry, millis
from core.sandbox.store import Row
from core.sandbox.voices import LANGUAGE, Voices

DAYS = 182
POSTS_A_WEEK = {COFFEE: 5, HELP: 3}  # four for the others
TALKS_A_WEEK = {"mentions": 2.2, "directs": 0.7, "public": 5.0}
OFFICE_HOURS = (8, 9, 9, 10, 11, 12, 14, 15, 16, 17, 18, 20)
ALL_SCOPES = "read write follow push"


def found(network: Network, seed: int, with_history: bool) -> None:
    """Fill an empty network; one that has been founded is left as it is."""
    if network.store.recall("founded"):
        return
    with network.store.writing():
        now = network.now()
        rng = Random(seed)  # noqa: S311 - a story, not a secret
        _move_in(network, now, rng)
        if with_history:
            network.hold_notifications()
            _Past(network, rng, now).write()
            network.release_notifications()
        network.store.remember("founded", now.isoformat())
        network.store.remember("seed", str(seed))


def _move_in(network: Network, now: datetime, rng: Random) -> None:
    began = now - timedelta(days=900)
    app = network.store.insert("app", name="Social Hub Sandbox", website="", scopes=ALL_SCOPES, redirect_uris="")
    for channel in CHANNELS:
        account_id = network.add_account(
            channel.handle,
            channel.name,
            channel.bio,
            language=channel.language,
            colour=channel.colour,
            channel=True,
            created_at=began,
        )
        network.store.insert(
            "token",
            token=channel.token,
            app_id=app,
            account_id=account_id,
            scopes=ALL_SCOPES,
            created_at=millis(began),
        )
    for contact in CONTACTS:
        network.add_account(
            contact.acct,
            contact.name,
            contact.bio,
            language=contact.interest,
            followers=contact.followers,
            created_at=now - timedelta(days=rng.randint(200, 1500)),
        )
    _follow_each_other(network, rng)


def _follow_each_other(network: Network, rng: Random) -> None:
    voices = Voices(network, rng)
    for channel in network.channels():
        crowd = voices.crowd(channel["acct"])
        for contact in rng.sample(crowd, len(crowd) // 2):
            network.store.run("INSERT INTO follow VALUES (?, ?)", channel["id"], contact["id"])


class _Past:
    """Writes the half year up to `now`."""

    def __init__(self, network: Network, rng: Random, now: datetime) -> None:
        self.network = network
        self.rng = rng
        self.now = now
        self.began = now - timedelta(days=DAYS)
        self.voices = Voices(network, rng)

    def write(self) -> None:
        """All channels, one after the other."""
        for channel in self.network.channels():
            for at in self._post_times(channel["acct"]):
                self._comments(channel, self._post(channel, at))
            for what, weekly in TALKS_A_WEEK.items():
                rarer = 3 if what == "public" and channel["acct"] == HELP else 1
                for at in self._times(weekly / rarer):
                    self._open_talk(channel, what, at)
            self._recent_follows(channel)

    def _times(self, weekly: float) -> Iterator[datetime]:
        """Times spread over the half year, by day rather than by night."""
        at = self.began
        while True:
            at += timedelta(days=self.rng.expovariate(weekly / 7))
            if at > self.now:
                return
            if self.rng.random() < growth.audience("", at) + 0.1:
                yield at
            else:  # too early or too late in the day: write it at another hour
                moved = at.replace(hour=self.rng.randint(6, 20))
                if moved < self.now:
                    yield moved

    def _post_times(self, handle: str) -> Iterator[datetime]:
        for week in range(DAYS // 7):
            for day in sorted(self.rng.sample(range(7), POSTS_A_WEEK.get(handle, 4))):
                hour, minute = self.rng.choice(OFFICE_HOURS), self.rng.choice((0, 0, 15, 30, 45))
                local = (self.began + timedelta(days=7 * week + day)).astimezone(growth.BERLIN)
                at = local.replace(hour=hour, minute=minute, second=self.rng.randint(0, 40), microsecond=0)
                if at < self.now:
                    yield at

    def _post(self, channel: Row, at: datetime) -> Row:
        handle = channel["acct"]
        topic = self.rng.choice(texts.topics_of(handle))
        text = texts.fill(self.voices.deck.draw(topic, "posts").text, texts.slots(self.rng, handle))
        tags = " ".join(f"#{tag}" for tag in self.rng.sample(topic.tags, self.rng.randint(1, len(topic.tags))))
        language = LANGUAGE[handle]
        media = (self.voices.picture(channel, language, at),) if self.rng.random() < 0.35 else ()
        entry = Entry(channel["id"], f"{text}\n\n{tags}", media=media, language=language, topic=topic.key)
        return self.network.publish(entry, at)

    def _comments(self, channel: Row, post: Row) -> None:
        """More people write below a post that many have seen."""
        at = self.network.now() - self.network.age(post)
        seen = growth.exposure(channel["acct"], at, timedelta(hours=72)) * post["appeal"]
        for _ in range(min(7, int(self.rng.expovariate(1 / (0.6 + 4 * seen))))):
            when = at + timedelta(hours=self.rng.expovariate(1 / 5), seconds=40)
            if when < self.now:
                author = self.voices.somebody(channel["acct"])
                talk = self.voices.comment_on(channel, post)
                first = self.voices.say(author, talk.text, to=channel, below=post, at=when)
                self._turns(channel, author, first, talk, when)
        self._early_likes(channel, post, at)

    def _turns(self, channel: Row, author: Row, first: Row, talk: texts.Talk, at: datetime) -> None:
        """What follows: our answer, their thanks. Not everything gets one, and the latest mostly not yet."""
        last = first
        for who, text in talk.turns:
            at += timedelta(minutes=self.rng.expovariate(1 / (140 if who == "us" else 45)) + 2)
            fresh = self.now - at < timedelta(days=2)
            if at >= self.now or self.rng.random() < (0.6 if fresh else 0.12):
                return
            speaker, listener = (channel, author) if who == "us" else (author, channel)
            last = self.voices.say(speaker, text, to=listener, below=last, visibility=first["visibility"], at=at)
            if who == "us" and self.rng.random() < 0.3:
                self.network.favourite(author["id"], last, min(at + timedelta(minutes=7), self.now))

    def _early_likes(self, channel: Row, post: Row, at: datetime) -> None:
        if self.now - at > timedelta(days=21):
            return  # nobody scrolls back further; the number of likes comes from growth anyway
        for contact in self.rng.sample(self.voices.crowd(channel["acct"]), self.rng.randint(0, 3)):
            when = at + timedelta(minutes=self.rng.expovariate(1 / 50))
            if when < self.now:
                self.network.favourite(contact["id"], post, when)

    def _open_talk(self, channel: Row, what: str, at: datetime) -> None:
        author = self.voices.somebody(channel["acct"])
        talk = self.voices.open_talk(channel["acct"], what)
        visibility = "direct" if what == "directs" else "public"
        addressed = channel if what == "directs" else None
        media: tuple[int, ...] = ()
        if what != "directs" and self.rng.random() < 0.08:
            media = (self.voices.picture(author, author["language"], at),)
        first = self.voices.say(author, talk.text, to=addressed, visibility=visibility, at=at, media=media)
        self._turns(channel, author, first, talk, at)

    def _recent_follows(self, channel: Row) -> None:
        for contact in self.rng.sample(self.voices.crowd(channel["acct"]), 6):
            at = self.now - timedelta(hours=self.rng.uniform(2, 500))
            self.network.follow(contact["id"], channel, at)
