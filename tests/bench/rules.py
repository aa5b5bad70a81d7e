"""Triage of 10,000 new messages with 25 rules, everything stored. Against what the project promises."""

import time
from collections.abc import Iterator
from typing import Any

PROMISED = 2_000.0  # messages a second
MESSAGES = 10_000
WORDS = (
    *("liefer*", "rechnung", "größe", "kaputt", "danke", "bestell*", "wo bleibt", "gutschein", "presse", "rückgabe"),
    *("refund", "broken", "delivery", "opening hours", "kaffee", "bohne*", "laden", "ersatzteil*", "akku", "bremse*"),
)


def drafts(channel_id: int, member_id: int, label_id: int) -> Iterator[Any]:
    """Rules as a busy team has them: most on words, some on everything else, one that tells somebody."""
    from core.services.rules import RuleDraft

    label, goal = {"do": "label", "label_id": label_id}, {"do": "goal", "goal": "support"}
    for number in range(20):
        words = [WORDS[(number + step) % len(WORDS)] for step in range(0, 20, 2)]
        of = [{"on": "words", "words": words}, {"on": "kind", "is": ["direct", "mention"]}]
        yield RuleDraft(f"words {number}", {"match": "all", "of": of}, [label if number % 2 else goal])
    several: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "angry": ({"on": "sentiment", "is": ["negative"]}, {"do": "priority", "priority": "high"}),
        "english": ({"on": "language", "is": ["en"]}, {"do": "assign", "member_id": member_id}),
        "night": ({"on": "hours", "is": "outside"}, label),
        "vip": ({"on": "label", "is": [label_id]}, {"do": "notify", "member_ids": [member_id]}),
        "praise": ({"on": "words", "has": "all", "words": ["danke", "toll"]}, {"do": "resolve"}),
    }
    for name, (condition, action) in several.items():
        channel = {"on": "channel", "is": [channel_id]}
        yield RuleDraft(name, {"match": "all", "of": [channel, condition]}, [action])


def rate() -> float:
    """Messages a second through `triage.run`."""
    from core import db
    from core.services import intake, labels, rules, tone, triage
    from core.services.seed import Writer
    from core.services.team import COMMAND_LINE
    from tests import factories
    from tests.bench.messages import batch

    channel, member = factories.channel(remote_id="rules"), factories.member(email="rules@bench.example")
    writer = Writer(seed=5)
    with db.write() as session:
        label = labels.create_label(session, COMMAND_LINE, "Bench")
        for draft in drafts(channel.id, member.id, label):
            rules.create_rule(session, COMMAND_LINE, draft)
        intake.store_messages(session, channel, batch(writer, 999, 1))
    tone.judge("Nagyon szépen köszönöm")
    triage.run()  # what is loaded once is loaded: word lists, py3langid, holidays
    for number in range(MESSAGES // 1000):
        with db.write() as session:
            intake.store_messages(session, channel, batch(writer, 1000 + number, 1000))
    start = time.perf_counter()
    looked = triage.run()
    return looked / (time.perf_counter() - start)
