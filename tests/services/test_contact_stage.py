"""The way from user to fan: each stage as the table in the module says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models.inbox import Stage
from core.services.contact_stage import Facts, because, stage_of

ORDER = list(Stage)


@pytest.mark.parametrize(
    ("facts", "stage"),
    [
        (Facts(), Stage.NEW),
        (Facts(conversations=1, messages=9, days=1), Stage.NEW),
        (Facts(conversations=1, messages=2, days=2), Stage.RETURNING),
        (Facts(conversations=2, messages=2, days=1), Stage.RETURNING),
        (Facts(conversations=3, messages=3, days=3), Stage.RETURNING),
        (Facts(conversations=3, messages=4, days=4), Stage.ENGAGED),
        (Facts(conversations=9, messages=30, days=20, negative=12), Stage.ENGAGED),
        (Facts(conversations=1, messages=3, days=3, positive=3), Stage.FAN),
        (Facts(conversations=1, messages=3, days=2, positive=3), Stage.RETURNING),
        (Facts(conversations=3, messages=5, days=3, praise=3), Stage.FAN),
        (Facts(conversations=1, messages=5, days=5, positive=4, negative=2), Stage.FAN),
        (Facts(conversations=1, messages=5, days=5, positive=4, negative=3), Stage.RETURNING),
        (Facts(conversations=1, messages=2, days=4, positive=2, mentions=3), Stage.ADVOCATE),
        (Facts(conversations=1, messages=2, days=4, positive=2, mentions=2), Stage.RETURNING),
        (Facts(conversations=1, messages=2, days=4, positive=1, mentions=9), Stage.RETURNING),
        (Facts(days=5, mentions=20), Stage.RETURNING),  # whoever only talks about us may not mean it well
    ],
)
def test_each_stage_takes_what_the_table_says(facts: Facts, stage: Stage):
    assert stage_of(facts) == stage


number = st.integers(0, 12)


@given(st.builds(Facts, number, number, number, number, number, number, number), st.sampled_from(["positive", "days"]))
def test_more_kind_words_or_days_never_throw_anybody_back(facts: Facts, more: str):
    better = Facts(**(facts.__dict__ | {more: getattr(facts, more) + 1}))
    assert ORDER.index(stage_of(better)) >= ORDER.index(stage_of(facts))


@given(st.builds(Facts, number, number, number, number, number, number, number))
def test_a_negative_word_never_makes_a_fan(facts: Facts):
    worse = Facts(**(facts.__dict__ | {"negative": facts.negative + 1}))
    assert ORDER.index(stage_of(worse)) <= ORDER.index(stage_of(facts))


def test_why_is_told_in_a_line():
    assert because(Facts(conversations=1, days=1)) == "1 conversation on 1 day"
    told = because(Facts(conversations=3, days=4, positive=5, negative=1, mentions=2))
    assert told == "3 conversations on 4 days · 5 kind words, 1 negative · 2 posts about us"
