"""The parts of the Team page: members, one's own profile and password, the audit trail."""

from collections.abc import Sequence
from zoneinfo import available_timezones

import streamlit as st
from sqlmodel import Session

from core.models.team import Member, Role
from core.services import team
from core.services.team import ROLE_NAMES, AuditRow, Right
from core.ui import page as frame
from core.ui.page import Page, act
from core.ui.parts import exact, shown

FORM_WIDTH = 560
ROLES = {
    Role.ADMIN: "everything, channels and members too",
    Role.EDITOR: "answers, writes, schedules, monitors",
    Role.VIEWER: "looks, changes nothing",
}


def _role(role: Role) -> str:
    return f"{ROLE_NAMES[role]}: {ROLES[role]}"


def member_list(page: Page, members: Sequence[Member]) -> None:
    """Everybody with role and state; administrators can change both."""
    for member in members:
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"member_{member.id}"):
            you = " (you)" if member.id == page.actor.id else ""
            with st.container(gap="xxsmall"):
                st.markdown(f"**{shown(member.name)}**{you}")
                st.markdown(f":small[{shown(member.email)}]")
            if member.disabled_at is not None:
                st.badge("Disabled", icon=":material/block:", color="red", help=exact(member.disabled_at, page.zone))
            st.badge(ROLE_NAMES[member.role], color="primary" if member.role is Role.ADMIN else "gray")
            if page.actor.may(Right.TEAM):
                with st.popover("Change", icon=":material/edit:"):
                    _change(page, member)


def _change(page: Page, member: Member) -> None:
    role = st.selectbox(
        "Role",
        list(ROLES),
        index=list(ROLES).index(member.role),
        format_func=_role,
        key=f"role_{member.id}",
    )
    if role is not member.role and st.button("Save the role", key=f"save_role_{member.id}", type="primary"):
        act(lambda s: team.set_role(s, page.actor, member.id, Role(role)), done="The role is changed.")
    with st.form(f"password_{member.id}", border=False, clear_on_submit=True):
        new = st.text_input("New password", type="password", help="At least 10 characters. Signs them out everywhere.")
        if st.form_submit_button("Set the password"):
            act(lambda s: team.set_password(s, page.actor, member.id, new), done="The password is set.")
    if member.disabled_at is not None:
        if st.button("Allow signing in again", key=f"enable_{member.id}"):
            act(lambda s: team.set_disabled(s, page.actor, member.id, False), done=f"{member.name} can sign in again.")
    elif st.button("Disable", key=f"disable_{member.id}", help="Signs them out at once. What they did stays."):
        act(lambda s: team.set_disabled(s, page.actor, member.id, True), done=f"{member.name} is signed out for good.")


def add_member(page: Page) -> None:
    """A form for a new member; what was typed stays when something is wrong, and only then."""
    number = st.session_state.setdefault("members_added", 0)
    with st.expander("Add a member", icon=":material/person_add:"), st.form(f"add_member_{number}", border=False):
        left, right = st.columns(2)
        name = left.text_input("Name", max_chars=120)
        email = right.text_input("E-mail", type="email")
        role = left.selectbox("Role", list(ROLES), index=1, format_func=_role)
        password = right.text_input(
            "First password", type="password", help="At least 10 characters; hand it over in person."
        )

        def add(session: Session) -> None:
            team.create_member(session, page.actor, email=email, name=name, password=password, role=role)
            st.session_state["members_added"] = number + 1

        if st.form_submit_button("Add", type="primary"):
            act(add, done=f"{name} can sign in now.")


def own_profile(page: Page) -> None:
    """Name and time zone."""
    with st.form("profile", width=FORM_WIDTH):
        name = st.text_input("Name", value=page.actor.name, max_chars=120)
        zones = sorted(available_timezones())
        zone = st.selectbox("Time zone", zones, index=zones.index(page.zone.key), help="Times are shown in this zone.")
        if st.form_submit_button("Save", type="primary"):
            act(lambda s: team.change_profile(s, page.actor, name, zone), done="Saved.")


def own_password(page: Page) -> None:
    """One's own password; signs out everywhere else."""
    with st.form("own_password", clear_on_submit=True, width=FORM_WIDTH):
        old = st.text_input("Present password", type="password")
        new = st.text_input("New password", type="password", help="At least 10 characters.")
        if st.form_submit_button("Change the password"):
            act(
                lambda s: team.change_password(s, page.actor, old, new, keep=frame.session_token()),
                done="The password is changed. Everywhere else you are signed out.",
            )


def audit_trail(page: Page, rows: Sequence[AuditRow]) -> None:
    """Who did what, newest first."""
    st.dataframe(
        [
            {
                "When": row.at.astimezone(page.zone),
                "Who": row.member,
                "What": row.action.replace(".", ": ").replace("_", " "),
                "On": row.target,
                "Detail": row.detail,
            }
            for row in rows
        ],
        column_config={"When": st.column_config.DatetimeColumn(format="DD.MM.YYYY HH:mm:ss")},
    )
    with st.container(horizontal=True):
        if st.session_state.get("audit_before") and st.button("Newest", icon=":material/first_page:"):
            st.session_state.pop("audit_before")
            st.rerun()
        if len(rows) >= 50 and st.button("Earlier", icon=":material/chevron_right:"):
            st.session_state["audit_before"] = rows[-1].id
            st.rerun()
