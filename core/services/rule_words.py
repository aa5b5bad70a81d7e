"""Rules as a sentence for people: “If it says “Rechnung” and it sounds negative, assign it to Anna.”"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from core.connectors.base import Kind
from core.models.channel import Channel, ChannelState, Group
from core.models.inbox import Goal, Priority, Sentiment
from core.models.inbox_work import Label
from core.models.team import Member
from core.services.rule_actions import Do, Often
from core.services.rule_terms import Match, On, When
from core.services.team import RIGHTS, Right

KIND_WORDS = {
    Kind.COMMENT: "a comment",
    Kind.MENTION: "a mention",
    Kind.DIRECT: "a direct message",
    Kind.REVIEW: "a review",
}
GOAL_WORDS = {
    Goal.INQUIRY: "an inquiry",
    Goal.SUPPORT: "support",
    Goal.OPINION: "an opinion",
    Goal.PRAISE: "praise",
    Goal.COMPLAINT: "a complaint",
}
LANGUAGES = {
    **{"de": "German", "en": "English", "fr": "French", "nl": "Dutch", "it": "Italian", "es": "Spanish"},
    **{"pt": "Portuguese", "pl": "Polish", "cs": "Czech", "da": "Danish", "sv": "Swedish", "tr": "Turkish"},
    **{"uk": "Ukrainian", "ru": "Russian", "ar": "Arabic"},
}
LISTED = 5  # values in a sentence before it says how many more


@dataclass(frozen=True)
class Names:
    """What rules can name, by number; `answering` are the members who can have conversations."""

    channels: Mapping[int, str]
    groups: Mapping[int, str]
    labels: Mapping[int, str]
    members: Mapping[int, str]
    answering: Mapping[int, str]

    def of(self, on: On) -> Mapping[int, str]:
        """The names a condition on `on` uses."""
        return {On.CHANNEL: self.channels, On.GROUP: self.groups, On.LABEL: self.labels}.get(on, {})


def names(session: Session) -> Names:
    """All that there is to name, each by name. Four statements."""
    shown = col(Channel.state) != ChannelState.REMOVED
    channels = session.execute(select(col(Channel.id), col(Channel.handle)).where(shown)).all()
    groups = session.execute(select(col(Group.id), col(Group.name))).all()
    labels = session.execute(select(col(Label.id), col(Label.name))).all()
    there = col(Member.disabled_at).is_(None)
    team = session.execute(select(col(Member.id), col(Member.name), col(Member.role)).where(there)).all()
    return Names(
        channels=_by_name(channels),
        groups=_by_name(groups),
        labels=_by_name(labels),
        members=_by_name([row[:2] for row in team]),
        answering=_by_name([row[:2] for row in team if Right.ANSWER in RIGHTS[row[2]]]),
    )


def _by_name(rows: Sequence[Any]) -> dict[int, str]:
    return dict(sorted(((row[0], row[1]) for row in rows), key=lambda row: (row[1].casefold(), row[0])))


def sentence(conditions: Any, actions: Any, known: Names) -> str:
    """A whole rule. What it names and isn't there any more is said to be so."""
    try:
        said = " and ".join(action_words(one, known) for one in actions) or "do nothing"
        return f"{condition_words(conditions, known)}, {said}."
    except (KeyError, TypeError, ValueError):
        return "This rule can't be read. Write it anew."


def condition_words(conditions: Mapping[str, Any], known: Names) -> str:
    """“If it is a comment and it sounds negative”."""
    several = [_condition(one, known) for one in conditions["of"]]
    if not several:
        return "Whatever comes in"
    return "If " + (" and " if Match(conditions["match"]) == Match.ALL else " or ").join(several)


def _condition(one: Mapping[str, Any], known: Names) -> str:
    on, turned = On(one["on"]), bool(one.get("not"))
    isn_t = "isn't" if turned else "is"
    if on == On.WORDS:
        joined = " and " if Match(one["has"]) == Match.ALL else " or "
        words = listed(
            [f"“{word.rstrip('*')}…”" if word.endswith("*") else f"“{word}”" for word in one["words"]], joined
        )
        return f"it doesn't say {words}" if turned else f"it says {words}"
    if on == On.HOURS:
        inside = (When(one["is"]) == When.INSIDE) is not turned
        return f"it comes {'within' if inside else 'outside'} the service hours"
    if on in (On.CHANNEL, On.GROUP, On.LABEL):
        there = known.of(on)
        values = listed([there.get(value, f"(a {on.value} that is gone)") for value in one["is"]])
        return {
            On.CHANNEL: f"the channel {isn_t} {values}",
            On.GROUP: f"the channel {isn_t} in {values}",
            On.LABEL: f"who wrote it {isn_t} labelled {values}",
        }[on]
    if on == On.KIND:
        return f"it {isn_t} {listed([KIND_WORDS[Kind(value)] for value in one['is']])}"
    if on == On.LANGUAGE:
        return f"it {isn_t} in {listed([language_name(value) for value in one['is']])}"
    if on == On.SENTIMENT:
        return f"it {isn_t} {listed([Sentiment(value).value for value in one['is']])}"
    return f"who wrote it {isn_t} {listed(one['is'])}"


def action_words(one: Mapping[str, Any], known: Names) -> str:
    """“assign it to Anna”, “snooze it for 24 h”."""
    do = Do(one["do"])
    if do == Do.ASSIGN:
        return f"assign it to {known.answering.get(one['member_id'], '(a member who is gone)')}"
    if do == Do.LABEL:
        return f"label it {known.labels.get(one['label_id'], '(a label that is gone)')}"
    if do == Do.GOAL:
        return f"mark it as {GOAL_WORDS[Goal(one['goal'])]}"
    if do == Do.PRIORITY:
        return f"give it {Priority(one['priority']).value} priority"
    if do == Do.SNOOZE:
        return f"snooze it for {hours_words(one['hours'])}"
    if do == Do.NOTIFY:
        return "tell " + listed(
            [known.members.get(key, "(a member who is gone)") for key in one["member_ids"]], " and "
        )
    if do == Do.ANSWER:
        text = " ".join(one["text"].split())
        when = "" if Often(one["when"]) == Often.ALWAYS else " while nobody is there"
        return f"answer “{text if len(text) <= 60 else text[:59] + '…'}”{when}"
    return "resolve it"


def hours_words(hours: int) -> str:
    """“3 h”, “2 days”."""
    return f"{hours} h" if hours % 24 or hours < 48 else f"{hours // 24} days"


def language_name(code: str) -> str:
    """“German”; the code itself where we have no word for it."""
    return LANGUAGES.get(code, code)


def listed(values: Sequence[str], last: str = " or ") -> str:
    """“a, b or c”; long lists are cut."""
    if len(values) > LISTED:
        values = [*values[: LISTED - 1], f"{len(values) - LISTED + 1} more"]
    return last.join(filter(None, (", ".join(values[:-1]), values[-1])))
