"""Team: oneself, the members and their roles, and who did what."""

import streamlit as st

from core import db
from core.services import team
from core.services.team import Right
from core.ui import team_parts as parts
from core.ui.page import open_page

page = open_page("Team")
tabs = ["Members", "You"] + (["Audit trail"] if page.actor.may(Right.TEAM) else [])
view = st.segmented_control("View", tabs, default="Members", required=True, bind="query-params", key="team_view",
                            label_visibility="collapsed")  # fmt: skip

if view == "You":
    parts.own_profile(page)
    parts.own_password(page)
elif view == "Audit trail":
    with db.read() as session:
        before = st.session_state.get("audit_before")
        rows = team.audit_trail(session, page.actor, before=before)
    parts.audit_trail(page, rows)
else:
    with db.read() as session:
        everybody = team.members(session)
    parts.member_list(page, everybody)
    if page.actor.may(Right.TEAM):
        parts.add_member(page)
