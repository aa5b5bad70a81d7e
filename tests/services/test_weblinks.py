"""Links of posts: asked about once a day, looked at by the worker, again while something is planned with them."""

from datetime import timedelta

import pytest
from sqlmodel import select

from core import db
from core.connectors.link_check import LinkReport
from core.models.planning_sources import WebLink
from core.services import weblinks
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")
URL = "https://shop.example/kaffee"


def ask(*texts: str) -> None:
    with db.write() as session:
        weblinks.ask(session, texts)


def look(report: LinkReport) -> list[str]:
    """Do what is due; gives the addresses that were looked at."""
    seen: list[str] = []

    def answer(url: str) -> LinkReport:
        seen.append(url)
        return report

    while weblinks.check_due(answer):
        pass
    return seen


def link(url: str = URL) -> WebLink:
    with db.read() as session:
        return session.exec(select(WebLink).where(WebLink.url == url)).one()


def age(**values: object) -> None:
    with db.write() as session:
        for row in session.exec(select(WebLink)):
            for name, value in values.items():
                setattr(row, name, value)


def test_a_link_is_looked_at_once_a_day_however_often_it_is_asked_about():
    ask(f"Neu: {URL}!", f"Auch hier: {URL}")
    assert look(LinkReport(True, 200, "", "Kaffee", "Mild", b"jpeg")) == [URL]
    ask(URL)
    assert look(LinkReport(True, 200)) == []
    age(checked_at=db.utc_now() - timedelta(hours=25))
    ask(URL)
    assert look(LinkReport(False, 404, "Weg.")) == [URL]
    with db.read() as session:
        state = weblinks.states(session, [URL])[URL]
        card = weblinks.cards(session, [URL])[URL]
    assert (state.ok, state.said) == (False, "Weg.")
    assert (card.title, card.image) == ("Kaffee", b"jpeg")  # what was known of it still helps the preview


def test_a_fault_that_may_pass_is_looked_at_again_a_few_times():
    ask(URL)
    for _ in range(10):
        look(LinkReport(None, 503, "Später.", again=True))
        age(**({"due_at": db.utc_now()} if link().due_at else {}))
    assert link().due_at is None
    assert link().said == "Später."


def test_two_workers_look_at_a_link_once():
    ask(URL)
    inner: list[int] = []

    def answer(_url: str) -> LinkReport:
        inner.append(weblinks.check_due(answer))  # another worker, while this one waits for the page
        return LinkReport(True, 200)

    assert weblinks.check_due(answer) == 1
    assert inner == [0]


def test_what_goes_out_soon_is_looked_at_again_and_what_nobody_holds_is_forgotten():
    channel = factories.channel()
    ask(URL, "https://alt.example")
    look(LinkReport(True, 200))
    age(checked_at=db.utc_now() - timedelta(days=3), asked_at=db.utc_now() - timedelta(days=61))
    factories.post(channel.id, text=f"Morgen: {URL}", at=db.utc_now() + timedelta(hours=20))
    weblinks.look_after_links()
    assert look(LinkReport(True, 200)) == [URL]
    with db.read() as session:
        assert [row.url for row in session.exec(select(WebLink))] == [URL]


def test_many_links_cost_no_query_each_and_an_idle_look_writes_nothing():
    with db.write() as session, counted() as ran:
        weblinks.ask(session, [f"https://a.example/{n}" for n in range(50)])
        session.flush()
    assert len(ran) <= 3
    assert len(weblinks.worth_a_look([f"https://a.example/{n}" for n in range(50)])) == weblinks.MOST_IN_POST
    look(LinkReport(True, 200))
    with counted() as ran:
        assert weblinks.check_due() == 0
    assert len(ran) == 1
