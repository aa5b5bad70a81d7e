"""The messages of a conversation as one element: bubbles, theirs left, ours right, notes across; all of it text.

A component of our own for the same reasons as `conversation_list.py`: fifty messages in one go, and a stranger's words
only ever become text nodes; links are made of http(s) addresses alone. Around it is plain Streamlit (`answer.py`).
"""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from core.models.inbox import Direction
from core.services.inbox import AnswerState, ConversationView, MessageView
from core.ui.parts import ago, exact

_STATES = {
    AnswerState.SENDING: ("Sending …", "busy"),
    AnswerState.CHECKING: ("Checking whether it is out …", "busy"),
    AnswerState.SENT: ("Sent", "good"),
    AnswerState.FAILED: ("Not sent", "bad"),
    AnswerState.UNCONFIRMED: ("Maybe sent: look at the network", "bad"),
}
_ACTIONS = {
    AnswerState.FAILED: [("retry", "Try again"), ("discard", "Discard")],
    AnswerState.UNCONFIRMED: [("confirm", "It is there"), ("retry", "Send again"), ("discard", "Discard")],
}

_HTML = '<div class="thread" tabindex="0" role="log" aria-label="Messages"></div>'

_CSS = """
:host { display: block; }
.thread { overflow-y: auto; max-height: calc(100dvh - 30rem); min-height: 16rem; display: flex; flex-direction: column;
  gap: .7rem; padding: .25rem .5rem 1rem .1rem; box-sizing: border-box; font-family: var(--st-font);
  color: var(--st-text-color); font-size: .925rem; line-height: 1.5; }
.thread:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: -2px; }
.message { max-width: min(38rem, 88%); align-self: flex-start; }
.message.out { align-self: flex-end; }
.message.note { align-self: stretch; max-width: none; }
.head { display: flex; gap: .5rem; font-size: .78rem; margin: 0 .15rem .2rem; align-items: baseline; }
.out .head { justify-content: flex-end; }
.author { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }
.handle, .when { opacity: .65; white-space: nowrap; }
.handle { overflow: hidden; text-overflow: ellipsis; min-width: 0; }
.when { color: inherit; text-decoration: none; }
a.when:hover { text-decoration: underline; }
.bubble { padding: .55rem .8rem; border-radius: .3rem .9rem .9rem .9rem; white-space: pre-wrap; overflow-wrap: anywhere;
  background: var(--st-secondary-background-color); }
.out .bubble { border-radius: .9rem .3rem .9rem .9rem;
  background: color-mix(in srgb, var(--st-primary-color) 13%, var(--st-background-color)); }
.note .bubble { border-radius: .4rem; background: var(--st-yellow-background-color); }
.deleted .bubble { opacity: .6; }
.bubble a, .media a { color: var(--st-link-color); }
.media { display: flex; flex-wrap: wrap; gap: .3rem .8rem; margin-top: .35rem; font-size: .82rem; }
.foot { display: flex; flex-wrap: wrap; gap: .2rem .7rem; font-size: .78rem; margin: .2rem .15rem 0;
  align-items: center; }
.out .foot { justify-content: flex-end; }
.state.busy { opacity: .7; } .state.good { opacity: .6; }
.state.bad { color: var(--st-red-text-color); font-weight: 600; }
.why { color: var(--st-red-text-color); flex-basis: 100%; }
.out .why { text-align: right; }
.act { all: unset; cursor: pointer; color: var(--st-link-color); font-weight: 550; }
.act:hover { text-decoration: underline; }
.act:focus-visible, .earlier:focus-visible { outline: 2px solid var(--st-primary-color); border-radius: 2px; }
.act[disabled] { opacity: .5; cursor: default; }
.reply { opacity: 0; } .message:hover .reply, .reply:focus-visible { opacity: 1; }
.earlier { all: unset; cursor: pointer; align-self: center; padding: .3rem .8rem; font-size: .82rem;
  color: var(--st-link-color); }
.about { border-left: 3px solid var(--st-border-color); padding: .1rem .8rem; font-size: .85rem; opacity: .85; }
.about .text { white-space: pre-wrap; overflow-wrap: anywhere; display: -webkit-box; -webkit-line-clamp: 4;
  -webkit-box-orient: vertical; overflow: hidden; }
.about .head { margin-left: 0; }
@media (hover: none) { .reply { opacity: 1; } }
@media (max-width: 640px) { .thread { max-height: 60dvh; } .message { max-width: 100%; } }
"""

_JS = """
const LINK = /(https?:\\/\\/[^\\s<>"]+[^\\s<>".,;:!?)\\]}'”’»])/gi;
function el(tag, cls, text) {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  if (text) node.textContent = text;
  return node;
}
function link(url, text, cls) {
  const node = el("a", cls, text);
  if (!/^https?:\\/\\//i.test(url)) return node;
  node.href = url;
  node.target = "_blank";
  node.rel = "noopener noreferrer nofollow";
  return node;
}
function words(text) {
  const node = el("div", "bubble");
  node.dir = "auto";
  text.split(LINK).forEach((part, i) => node.append(i % 2 ? link(part, part) : part));
  return node;
}
function head(author, handle, when, exact, url) {
  const node = el("div", "head");
  node.append(el("span", "author", author));
  if (handle) node.append(el("span", "handle", handle));
  const time = url ? link(url, when, "when") : el("span", "when", when);
  time.title = exact;
  node.append(time);
  return node;
}
function draw(m, may, send) {
  const node = el("article", "message " + m.side + (m.deleted ? " deleted" : ""));
  node.append(head(m.author, m.handle, m.when, m.exact, m.url), words(m.text));
  if (m.media.length) {
    const media = el("div", "media");
    for (const item of m.media) media.append(link(item.url, item.label));
    node.append(media);
  }
  const foot = el("div", "foot");
  for (const mark of m.marks) foot.append(el("span", "state good", mark));
  if (m.state) foot.append(el("span", "state " + m.tone, m.state));
  for (const [name, label] of may ? m.actions : []) {
    const button = el("button", "act" + (name === "reply" ? " reply" : ""), label);
    button.type = "button";
    button.onclick = () => { button.disabled = true; send("act", { name, id: m.id }); };
    foot.append(button);
  }
  if (m.why) foot.append(el("div", "why", m.why));
  if (foot.childNodes.length) node.append(foot);
  return node;
}
function about(post) {
  const node = el("div", "about");
  node.append(head(post.title, "", post.when, post.exact, post.url), el("div", "text", post.text));
  return node;
}
export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".thread");
  const same = box.dataset.id === String(data.id);
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  const fromEnd = box.scrollHeight - box.scrollTop;
  const grew = same && data.messages[0]?.id !== Number(box.dataset.first);
  const parts = data.messages.map((m) => draw(m, data.may, setTriggerValue));
  if (data.earlier) {
    const more = el("button", "earlier", "Show earlier messages");
    more.type = "button";
    more.onclick = () => { more.textContent = "…"; setTriggerValue("earlier", data.messages.length); };
    parts.unshift(more);
  }
  if (data.about) parts.unshift(about(data.about));
  const top = box.scrollTop;
  // The last answer has left: the page around may go back to looking less often.
  if (same && box.dataset.busy && !data.busy) setTriggerValue("settled", data.id);
  box.dataset.busy = data.busy ? "1" : "";
  box.replaceChildren(...parts);
  box.dataset.id = data.id;
  box.dataset.first = data.messages[0]?.id ?? "";
  if (!same || atEnd) box.scrollTop = box.scrollHeight;
  else box.scrollTop = grew ? box.scrollHeight - fromEnd : top;
}
"""

_component = st.components.v2.component("thread", html=_HTML, css=_CSS, js=_JS)


def thread(
    view: ConversationView,
    zone: ZoneInfo,
    may_answer: bool,
    on_act: Callable[[], None],
    on_earlier: Callable[[], None],
) -> None:
    """Draw the messages. `may_answer`: whether retry, discard and the like are offered."""
    data = shown_thread(view, zone, may_answer)
    _component(
        key="messages",
        data=data,
        on_act_change=on_act,
        on_earlier_change=on_earlier,
        on_settled_change=lambda: st.rerun("thread"),
    )


def acted() -> tuple[str, int] | None:
    """In a callback: what was clicked (`retry`, `discard`, `confirm`, `reply`) and on which message."""
    value = getattr(st.session_state.get("messages"), "act", None)
    return (str(value["name"]), int(value["id"])) if value else None


def shown_thread(view: ConversationView, zone: ZoneInfo, may_answer: bool) -> dict[str, Any]:
    """The conversation as the browser draws it: plain values, every one shown as text."""
    post = view.about
    return {
        "id": view.id,
        "may": may_answer,
        "busy": view.on_its_way,
        "earlier": view.earlier is not None,
        "about": post
        and {
            "title": "Our post",
            "text": post.text,
            "url": web_link(post.url),
            "when": ago(post.published_at, zone),
            "exact": exact(post.published_at, zone),
        },
        "messages": [_shown(message, zone) for message in view.messages],
    }


def _shown(message: MessageView, zone: ZoneInfo) -> dict[str, Any]:
    state, tone = _STATES[message.answer] if message.answer else ("", "")
    marks = ["edited"] if message.edited_at else []
    if message.deleted_at:
        marks.append("deleted at the network")
    answerable = message.direction == Direction.IN and message.remote_id and not message.deleted_at
    actions = _ACTIONS.get(message.answer, []) if message.answer else [("reply", "Answer this")] if answerable else []
    return {
        "id": message.id,
        "side": message.direction.value,
        "author": message.author,
        "handle": "Note, for the team only" if message.direction == Direction.NOTE else _handle(message),
        "when": ago(message.sent_at, zone),
        "exact": exact(message.sent_at, zone),
        "text": message.text,
        "url": web_link(message.url),
        "media": [_media(item.url, item.kind, item.alt) for item in message.media if web_link(item.url)],
        "marks": marks,
        "deleted": message.deleted_at is not None,
        "state": state,
        "tone": tone,
        "why": _why(message, zone),
        "actions": actions,
    }


def _handle(message: MessageView) -> str:
    return message.handle if message.handle != message.author else ""


def _media(url: str, kind: str, alt: str) -> dict[str, str]:
    label = kind.capitalize() or "File"
    return {"url": url, "label": f"{label}: {alt[:80]}" if alt else label}


def _why(message: MessageView, zone: ZoneInfo) -> str:
    if not message.error or message.answer in (None, AnswerState.SENT):
        return ""
    if message.answer == AnswerState.SENDING and message.due_at:
        return f"{message.error} Next attempt: {exact(message.due_at, zone)}."
    return message.error


def web_link(url: str | None) -> str | None:
    """The address if it is one of the web, else None: nothing else becomes a link."""
    return url if url and url.lower().startswith(("http://", "https://")) else None
