"""Settings: which posts must be approved before they go out, and by whom. A rule for all, and for groups their own."""

from collections.abc import Sequence

import streamlit as st
from sqlmodel import Session

from core import db
from core.models.team import Role
from core.services import approval, channels
from core.services.approval import Person, Rule
from core.services.approval_rules import named, who
from core.services.team import ROLE_NAMES, Right
from core.ui.page import Page, act, say_later
from core.ui.parts import shown

WIDTH = 720
ROUND = "approval_round"


def approval_section(page: Page) -> None:
    """The rules; an administrator changes them."""
    with db.read() as session:
        found = approval.rules(session)
        people = approval.team(session)
        groups = channels.groups(session)
    may = page.actor.may(Right.TEAM)
    with st.container(width=WIDTH):
        st.caption(
            "What must be approved can't be scheduled before it is: on no page, by no import, not on the command line. "
            "An approval is of what readers see: after a change of that it is asked for again. Times may move."
        )
        if not may:
            st.caption("An administrator of your team changes these rules.")
        for rule in found:
            _one(page, rule, people, may, alone=len(found) == 1)
        left = [group for group in groups if group.id not in {rule.group_id for rule in found}]
        if may and left:
            _add(page, {group.id: group.name for group in left})
        elif may and not groups:
            st.caption("Once channels are in groups, a group can have a rule of its own.")


def _one(page: Page, rule: Rule, people: Sequence[Person], may: bool, alone: bool) -> None:
    with st.container(border=True, gap="xsmall", key=f"approval_{rule.group_id or 0}"):
        title = "All channels" if alone else shown(rule.where[:1].upper() + rule.where[1:])
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            badge = ":violet-badge[must be approved]" if rule.required else ":gray-badge[no approval needed]"
            st.markdown(f"**{title}** &nbsp; {badge}", width="stretch")
            if may:
                with st.popover(
                    "", icon=":material/edit:", help="Change the rule", key=f"approval_edit_{rule.group_id}"
                ):
                    _change(page, rule, people)
        if rule.required:
            st.markdown(f"May approve: {shown(who(rule, people))}.")
            _trouble(rule, people)


def _trouble(rule: Rule, people: Sequence[Person]) -> None:
    """Where a rule leaves nobody, said before a post is stuck."""
    there = named(rule, people)
    meant = [p for p in people if p.role in rule.roles or p.id in rule.member_ids]
    if not meant and (rule.roles or rule.member_ids):
        st.caption(":orange[:material/warning: Nobody of them is left: administrators may.]")
    if rule.four_eyes and len(there) == 1:
        st.caption(f":orange[:material/warning: Only {shown(there[0].name)} may: nobody approves what they write.]")


def _change(page: Page, rule: Rule, people: Sequence[Person]) -> None:
    key = f"approval_{rule.group_id or 0}_{st.session_state.get(ROUND, 0)}"
    chosen = list(rule.roles) or ([] if rule.member_ids else [Role.ADMIN])
    required = st.toggle("Posts must be approved", value=rule.required, key=f"{key}_required")
    roles = st.pills("Who may approve, by role", list(Role), default=chosen, selection_mode="multi",
                     format_func=ROLE_NAMES.__getitem__, key=f"{key}_roles", disabled=not required)  # fmt: skip
    names = {person.id: person.name for person in people}
    members = st.multiselect("… and by name", list(names), default=[i for i in rule.member_ids if i in names],
                             format_func=names.__getitem__, key=f"{key}_members", disabled=not required,
                             placeholder="Choose members")  # fmt: skip
    eyes = st.toggle("Four eyes", value=rule.four_eyes, key=f"{key}_eyes", disabled=not required,
                     help="Nobody approves what they wrote or changed themselves.")  # fmt: skip
    st.caption(
        "Without four eyes, who may approve does so by scheduling: their own posts wait for nobody. "
        "Is nobody chosen, administrators approve."
    )

    def save(session: Session) -> int:
        return approval.save_rule(
            session,
            page.actor,
            rule.group_id,
            required=required,
            roles=roles or [],
            member_ids=members or [],
            four_eyes=eyes,
        )

    with st.container(horizontal=True):
        if st.button("Save", type="primary", key=f"{key}_save", icon=":material/save:"):
            _done(act(save, rerun=None))
        if rule.group_id is not None and st.button("As all others", key=f"{key}_drop", type="tertiary"):
            group_id = rule.group_id
            _done(act(lambda s: approval.drop_rule(s, page.actor, group_id), rerun=None))


def _done(back: int | None) -> None:
    if back is None:
        return
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    posts = "One scheduled post went" if back == 1 else f"{back} scheduled posts went"
    say_later(f"Saved. {posts} back into review." if back else "Saved.")
    st.rerun()


def _add(page: Page, groups: dict[int, str]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("A rule of its own for", list(groups), index=None, format_func=groups.__getitem__,
                              placeholder="Choose a group", key="approval_group", width=280)  # fmt: skip
        if st.button("Add", icon=":material/add:", key="approval_add", disabled=chosen is None) and chosen is not None:
            act(lambda s: approval.save_rule(s, page.actor, chosen, required=True), done="The group has its own rule.")
