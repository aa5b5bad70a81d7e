"""What a message's menu offers at its network, and what happens then. The menu itself is drawn by `thread.py`.

What can be undone is done at once, in a callback; what can't is asked for in a dialog first.
"""

import streamlit as st

from core.connectors.base import Act
from core.connectors.registry import connector_class
from core.errors import UserError
from core.services import inbox_actions
from core.services.inbox import ConversationView, MessageView
from core.ui import message_mood
from core.ui.doing import refuse, report
from core.ui.page import Page
from core.ui.parts import shown

HERE = ["thread", "list"]
NAME = 32  # characters of a name in the menu
QUOTE = 280
_ASKED = "act_asked"

_LABELS = {
    Act.LIKE: "Like",
    Act.UNLIKE: "Take the like back",
    Act.REPOST: "Repost",
    Act.UNREPOST: "Take the repost back",
    Act.HIDE: "Hide from readers",
    Act.UNHIDE: "Show to readers again",
    Act.DELETE_OWN: "Delete at the network …",
    Act.FOLLOW: "Follow {who}",
    Act.UNFOLLOW: "Unfollow {who}",
    Act.MUTE: "Mute {who}",
    Act.UNMUTE: "Unmute {who}",
    Act.BLOCK: "Block {who} …",
    Act.UNBLOCK: "Unblock {who}",
}
_MARKS = {
    Act.LIKE: "Liked",
    Act.REPOST: "Reposted",
    Act.HIDE: "Hidden from readers",
    Act.MUTE: "Author muted",
    Act.BLOCK: "Author blocked",
}
_TITLES = {Act.DELETE_OWN: "Delete this message?", Act.BLOCK: "Block this person?"}
_BUTTONS = {Act.DELETE_OWN: ("Delete", "delete"), Act.BLOCK: ("Block", "block")}


def menu(view: ConversationView, message: MessageView) -> list[tuple[str, str, bool]]:
    """What can be done about a message now: what `act_on` takes, its words, whether it can't be undone."""
    who = message.author if len(message.author) <= NAME else message.author[: NAME - 1].rstrip() + "…"
    acts = inbox_actions.acts_for(view, message)
    listed = [(act.value, _LABELS[act].format(who=who), act in inbox_actions.FINAL) for act in acts]
    return sorted([*listed, *message_mood.entries(message)], key=lambda entry: entry[2])  # what is final comes last


def marks(message: MessageView) -> list[str]:
    """What was done about a message and still stands."""
    return [word for act, word in _MARKS.items() if act in message.done]


def act_on(page: Page, name: str, message_id: int) -> bool:
    """In a callback: do what was chosen in the menu of a message, here or at its network. False: it isn't of a menu."""
    return message_mood.correct(page, name, message_id) or act_at_network(page, name, message_id)


def act_at_network(page: Page, name: str, message_id: int) -> bool:
    """In a callback: do what was chosen, or have it asked for by `confirm_act`. False: it is none of these acts."""
    if name not in list(Act):
        return False
    act = Act(name)
    if act in inbox_actions.FINAL:
        st.session_state[_ASKED] = (act, message_id)
        return True
    try:
        report(inbox_actions.perform(page.actor, message_id, act))
    except UserError as error:
        refuse(str(error))
    return True


def confirm_act(page: Page, view: ConversationView) -> None:
    """The dialog for what was chosen and can't be undone, until that is decided."""
    act, message_id = st.session_state.get(_ASKED, (None, 0))
    message = next((m for m in view.messages if m.id == message_id), None)
    if act is None or message is None:
        return _decided()
    dialog = st.dialog(_TITLES[act], icon=f":material/{_BUTTONS[act][1]}:", on_dismiss=_decided)
    return dialog(_confirm)(page, view, act, message)


def _decided() -> None:
    st.session_state.pop(_ASKED, None)


def _confirm(page: Page, view: ConversationView, act: Act, message: MessageView) -> None:
    st.markdown(_what_happens(view, act, message))
    label, symbol = _BUTTONS[act]
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Cancel", key="act_cancel"):
            _decided()
            st.rerun()
        sure = st.button(label, key="act_sure", type="primary", icon=f":material/{symbol}:")
    if not sure:
        return
    try:
        with st.spinner("Asking the network …"):
            done = inbox_actions.perform(page.actor, message.id, act)
    except UserError as error:
        st.error(shown(str(error)), icon=":material/error:")
        return
    report(done)
    _decided()
    st.rerun()


def _what_happens(view: ConversationView, act: Act, message: MessageView) -> str:
    network = connector_class(view.network).capabilities.label
    if act is Act.BLOCK:
        return (
            f"**{shown(message.author)}** can no longer follow, answer or mention {shown(view.channel_handle)} on "
            f"{network}. You can lift the block again, but whoever followed whom has to follow anew."
        )
    begin = message.text if len(message.text) <= QUOTE else message.text[: QUOTE - 1].rstrip() + "…"
    return f"“{shown(begin)}”\n\nIt is deleted on {network} for everybody, and its text here too. This can't be undone."
