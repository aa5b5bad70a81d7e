"""`publishing` on the command line: stop, see what is held, let go, what is at risk."""

import json
from datetime import timedelta

import pytest

from core import db
from core.models.channel import ChannelState
from core.models.planning import Post, PostState
from tests import factories
from tests.test_cli_handling import refused, run

pytestmark = pytest.mark.usefixtures("hub")


def test_stop_look_let_some_go_and_resume_in_order():
    channel = factories.channel()
    first, second = (factories.post(channel.id, text=t, at=db.utc_now() - timedelta(minutes=5)) for t in "ab")
    stop = run("publishing", "stop", "--reason", "Unfall im Werk")
    (row,) = json.loads(run("publishing", "stops", "--json"))
    assert (row["id"], row["group"], row["reason"], row["overdue"]) == (int(stop), "All channels", "Unfall im Werk", 2)
    held = json.loads(run("publishing", "held", stop, "--json"))
    assert [post["post_id"] for post in held] == [first.id, second.id]
    run("publishing", "release", stop, first.id)
    start = (db.utc_now() + timedelta(hours=2)).replace(microsecond=0)
    assert run("publishing", "resume", stop, "--then", "in_order", "--start", start.isoformat()) == "1"
    with db.read() as session:
        assert session.get_one(Post, second.id).planned_at == start
        assert session.get_one(Post, second.id).state is PostState.SCHEDULED
    assert run("publishing", "stops") == "Nothing is stopped."


def test_wrong_words_are_told():
    assert refused("publishing", "stop", "--reason", "x", "--group", "Nirgends")[0] == 2
    stop = run("publishing", "stop", "--reason", "x")
    assert "--then is" in refused("publishing", "resume", stop, "--then", "soon")[1]
    assert refused("publishing", "resume", stop, "--then", "in_order")[1] == (
        "Say when the first one goes out: choose a time to come."
    )
    assert refused("publishing", "held", 99)[1] == "Somebody has ended this stop already."


def test_what_is_at_risk():
    channel = factories.channel(state=ChannelState.PAUSED)
    post = factories.post(channel.id, at=db.utc_now() + timedelta(hours=5))
    (row,) = json.loads(run("publishing", "at-risk", "--json"))
    assert (row["post_id"], row["kind"]) == (post.id, "channel")
