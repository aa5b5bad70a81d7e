"""Campaigns: colour, period, goal, audience, advertising, UTM parameters, and how far they are."""

from collections.abc import Sequence
from datetime import date

import streamlit as st
from sqlmodel import Session

from core import db
from core.db import utc_now
from core.models.planning import CampaignGoal
from core.services import campaigns, utm
from core.services.campaigns import CampaignForm, CampaignRow
from core.services.channels import ChannelRow
from core.services.labels import COLORS
from core.services.team import Right
from core.ui.page import Page, act
from core.ui.parts import empty, shown, today_or_day

GOALS = {
    None: "Not said",
    CampaignGoal.TRAFFIC: "Traffic",
    CampaignGoal.LEADS: "Leads",
    CampaignGoal.IMAGE: "Image",
    CampaignGoal.SUPPORT: "Support",
    CampaignGoal.OPINION: "Opinion",
}
EXAMPLE = "https://shop.example/neu"


def plan_campaigns(page: Page, channels: Sequence[ChannelRow]) -> None:
    """All campaigns, the running ones first; who may plan adds and changes them."""
    may = page.actor.may(Right.PLAN)
    with st.container(horizontal=True, vertical_alignment="center"):
        if may and st.button("New campaign", icon=":material/add:", type="primary", key="campaign_new"):
            _dialog(page, None)
        archived = st.toggle("Archived ones too", key="campaigns_archived", bind="query-params")
    with db.read() as session:
        rows = campaigns.campaigns(session, archived=bool(archived))
    if not rows:
        empty(
            "No campaigns yet",
            "A campaign ties posts together: they share a colour in the calendar, parameters on their links, and one "
            "line here that says how far they are and what came of them.",
        )
    for row in rows:
        _card(page, row, may)


def _card(page: Page, row: CampaignRow, may: bool) -> None:
    with st.container(border=True, gap="xsmall", key=f"campaign_{row.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f":{row.form.color}-badge[{shown(row.form.name)}]", width="content")
            if row.form.paid:
                st.badge("Advertising", icon=":material/campaign:", color="orange")
            if row.archived_at:
                st.badge("Archived", icon=":material/inventory_2:", color="gray")
            st.space("stretch")
            if may:
                _buttons(page, row)
        st.caption(" · ".join(_facts(row, page)))
        _progress(row, page)


def _facts(row: CampaignRow, page: Page) -> list[str]:
    form = row.form
    facts = [_period(form, utc_now().astimezone(page.zone).date())]
    if form.goal:
        facts.append(f"Goal: {GOALS[form.goal]}")
    if form.audience:
        facts.append(f"For: {shown(form.audience)}")
    facts.append(f"Links: {shown(_parameters(form))}")
    return facts


def _period(form: CampaignForm, today: date) -> str:
    if not form.starts_on and not form.ends_on:
        return "No period"
    start = f"{form.starts_on:%d.%m.%Y}" if form.starts_on else "…"
    end = f"{form.ends_on:%d.%m.%Y}" if form.ends_on else "…"
    if form.starts_on and form.starts_on > today:
        left = f", begins in {(form.starts_on - today).days} d"
    elif form.ends_on and form.ends_on < today:
        left = ", over"
    else:
        left = f", {(form.ends_on - today).days} d left" if form.ends_on else ", running"
    return f"{start} – {end}{left}"


def _progress(row: CampaignRow, page: Page) -> None:
    """One bar: what is out, of all that is planned."""
    total = row.waiting + row.scheduled + row.published + row.care
    if not total:
        st.caption("No posts yet. Choose this campaign in the composer or in the table.")
        return
    words = [f"**{row.published}** published", f"**{row.scheduled}** scheduled", f"**{row.waiting}** in the making"]
    if row.care:
        words.append(f":red[**{row.care}** need care]")
    words.append(f"**{row.reactions:,}** reactions")
    if row.next_at:
        words.append(f"next {today_or_day(row.next_at, page.zone)}")
    st.progress(row.published / total, text=" · ".join(words))


def _buttons(page: Page, row: CampaignRow) -> None:
    if st.button("Edit", icon=":material/edit:", type="tertiary", key=f"campaign_edit_{row.id}"):
        _dialog(page, row)
    word, symbol = ("Take out", "unarchive") if row.archived_at else ("Archive", "archive")
    if st.button(word, icon=f":material/{symbol}:", type="tertiary", key=f"campaign_archive_{row.id}"):
        act(
            lambda s: campaigns.archive_campaign(s, page.actor, row.id, not row.archived_at),
            done="Archived." if not row.archived_at else "It is back.",
        )
    with st.popover("", icon=":material/delete:", help=f"Delete {row.form.name}", type="tertiary"):
        st.write("The campaign goes, its posts stay without one.")
        if st.button("Delete the campaign", key=f"campaign_delete_{row.id}"):
            act(lambda s: campaigns.delete_campaign(s, page.actor, row.id), done="Deleted.")


@st.dialog("Campaign", icon=":material/campaign:", width="medium")
def _dialog(page: Page, row: CampaignRow | None) -> None:
    form = _fields(row.form if row else CampaignForm(""), f"campaign_form_{row.id if row else 'new'}")

    def save(session: Session) -> None:
        if row:
            campaigns.change_campaign(session, page.actor, row.id, form)
        else:
            campaigns.create_campaign(session, page.actor, form)

    if st.button("Save", type="primary", icon=":material/check:", key="campaign_save"):
        act(save, done="The campaign is saved.")


def _fields(form: CampaignForm, key: str) -> CampaignForm:
    name = st.text_input("Name", form.name, max_chars=campaigns.NAME_LENGTH, key=f"{key}_name")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        starts = st.date_input("From", form.starts_on, format="DD.MM.YYYY", key=f"{key}_from", width=160)
        ends = st.date_input("To", form.ends_on, format="DD.MM.YYYY", key=f"{key}_to", width=160)
        color = st.selectbox("Colour", COLORS, COLORS.index(form.color) if form.color in COLORS else 0,
                             format_func=str.capitalize, key=f"{key}_color", width=140)  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        goal = st.selectbox("Goal", list(GOALS), list(GOALS).index(form.goal), format_func=GOALS.__getitem__,
                            key=f"{key}_goal", width=160)  # fmt: skip
        audience = st.text_input("Audience", form.audience, max_chars=campaigns.AUDIENCE_LENGTH, key=f"{key}_audience",
                                 placeholder="Who it is for, in your words", width=320)  # fmt: skip
    paid = st.checkbox(
        "Advertising: somebody pays for it",
        form.paid,
        key=f"{key}_paid",
        help="Posts then must begin with “Anzeige” or “Werbung”. Without the label they can't be scheduled.",
    )
    with st.expander(
        "Parameters on links (UTM)", expanded=bool(form.utm_source or form.utm_medium or form.utm_campaign)
    ):
        source = st.text_input("utm_source", form.utm_source, key=f"{key}_source", placeholder="The network's name")
        medium = st.text_input("utm_medium", form.utm_medium, key=f"{key}_medium", placeholder=utm.MEDIUM)
        slug = st.text_input(
            "utm_campaign", form.utm_campaign, key=f"{key}_slug", placeholder=utm.slug(name or "") or "…"
        )
    made = CampaignForm(
        name or "", color or "gray", starts, ends, goal, audience or "", paid, source or "", medium or "", slug or ""
    )
    st.caption(f"A link becomes {shown(utm.tag_links(EXAMPLE, _tags(made).on('mastodon')))}")
    return made


def _tags(form: CampaignForm) -> utm.Tags:
    return utm.Tags(form.name, form.utm_source, form.utm_medium, form.utm_campaign)


def _parameters(form: CampaignForm) -> str:
    return " ".join(f"{name}={value}" for name, value in _tags(form).on(form.utm_source or "{network}").items())
