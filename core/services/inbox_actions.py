"""Acting at the network from the inbox: like, repost, hide, delete our own, follow, mute, block, and taking it back.

What a network offers is its connector's `Capabilities.acts`; what was done is remembered in `inbox_deeds.py`. Answering
is `inbox_answers.py`'s.
"""

import logging
from contextlib import closing
from dataclasses import dataclass

from sqlmodel import Session

from core import db
from core.connectors.base import ON_AUTHOR, UNDONE_BY, Act, Kind
from core.connectors.registry import connector_class
from core.errors import NeedsReauth, NetworkError, NotFound, RateLimited, Rejected, RemoteGone, UserError
from core.models.channel import Channel, ChannelState
from core.models.inbox import Contact, Conversation, Direction, Message
from core.services import channels, inbox_deeds
from core.services.inbox_thread import ConversationView, MessageView, ThreadCursor, conversation
from core.services.intake import mark_removed
from core.services.team import Actor, Right, audit, require

log = logging.getLogger("hub.inbox")

FINAL = frozenset({Act.DELETE_OWN, Act.BLOCK})
"""What can't be undone as if it had not been: to be asked for twice. (A block also ends that somebody follows us.)"""

_FORBIDDEN = 403
_PUBLIC = frozenset({Act.REPOST, Act.UNREPOST, Act.HIDE, Act.UNHIDE})
_DONE = {
    Act.LIKE: "Liked",
    Act.UNLIKE: "Like taken back",
    Act.REPOST: "Reposted",
    Act.UNREPOST: "Repost taken back",
    Act.HIDE: "Hidden from readers",
    Act.UNHIDE: "Shown to readers again",
    Act.DELETE_OWN: "Deleted at the network",
    Act.FOLLOW: "Now following {who}",
    Act.UNFOLLOW: "No longer following {who}",
    Act.MUTE: "{who} is muted",
    Act.UNMUTE: "{who} is no longer muted",
    Act.BLOCK: "{who} is blocked",
    Act.UNBLOCK: "{who} is no longer blocked",
}


def acts_for(view: ConversationView, message: MessageView) -> tuple[Act, ...]:
    """What can be done about a message now, in the order worth showing; of an act and its undo only the one that fits.

    Pure: what the channel's network offers, and what was done already.
    """
    if view.channel_state is not ChannelState.ACTIVE or message.remote_id is None:
        return ()
    gone = message.deleted_at is not None
    return tuple(
        act
        for act in connector_class(view.network).capabilities.acts
        if _fits(act, message.direction, view.kind, gone)
        and (act not in ON_AUTHOR or message.handle)
        and _is_next(act, message.done)
    )


def acts_of(session: Session, message_id: int) -> tuple[Act, ...]:
    """As `acts_for`, for one message alone. Raises `NotFound`."""
    message = session.get(Message, message_id)
    if message is None:
        raise NotFound("This message isn't there any more.")
    talk = conversation(session, message.conversation_id, ThreadCursor(message.sent_at, message.id + 1), limit=1)
    return acts_for(talk, talk.messages[-1]) if talk.messages else ()


def _fits(act: Act, direction: Direction, kind: Kind, gone: bool) -> bool:
    """Whether an act makes sense for such a message."""
    if act is Act.DELETE_OWN:
        return direction is Direction.OUT and not gone
    if direction is not Direction.IN or (gone and act not in ON_AUTHOR):
        return False
    if act in (Act.HIDE, Act.UNHIDE):
        return kind is Kind.COMMENT
    return act not in _PUBLIC or kind is not Kind.DIRECT


def _is_next(act: Act, done: frozenset[Act]) -> bool:
    if Act.BLOCK in done and act in ON_AUTHOR:
        return act is Act.UNBLOCK
    undone = next((first for first, undo in UNDONE_BY.items() if undo is act), None)
    return act not in done if undone is None else undone in done


def done_words(act: Act, who: str) -> str:
    """What was done, for the one who did it."""
    return _DONE[act].format(who=who or "This contact")


@dataclass(frozen=True)
class _Job:
    message_id: int
    conversation_id: int
    channel_id: int
    label: str
    handle: str
    remote_id: str
    author: str
    who: str


def perform(actor: Actor, message_id: int, act: Act) -> str:
    """Do it at the network, and remember it; gives what was done, for people. Takes as long as the network does.

    Opens its own transactions, none of them while the network is asked. Doing it again does no harm. Raises `UserError`
    with a sentence where it can't be done; a sign-in that is no longer accepted stops the channel as it does elsewhere.
    """
    require(actor, Right.ANSWER)
    with db.read() as session:
        job = _job(session, message_id, act)
    try:
        with closing(channels.open_connector(job.channel_id)) as connector:
            connector.act(act, job.remote_id, job.author)
    except NetworkError as error:
        # What isn't there any more is deleted, whoever did it.
        if not (isinstance(error, RemoteGone) and act is Act.DELETE_OWN):
            log.info("%s at channel=%s: %s", act.value, job.channel_id, type(error).__name__)
            raise _sentence(job, act, error) from error
    with db.write() as session:
        _remember(session, actor, job, act)
    return done_words(act, job.who)


def _job(session: Session, message_id: int, act: Act) -> _Job:
    message = session.get(Message, message_id)
    channel = session.get(Channel, message.channel_id) if message is not None else None
    if message is None or channel is None or channel.state is ChannelState.REMOVED:
        raise NotFound("This message isn't there any more.")
    capabilities = connector_class(channel.network).capabilities
    if act not in capabilities.acts:
        raise UserError(f"{capabilities.label} doesn't let the hub do that. Open the message at the network instead.")
    if channel.state is ChannelState.PAUSED:
        raise UserError(f"{channel.handle} is paused. Resume it on the Channels page first.")
    if channel.state is ChannelState.NEEDS_REAUTH:
        raise UserError(f"{channel.handle} must be reconnected first. Do that on the Channels page.")
    talk = session.get_one(Conversation, message.conversation_id)
    gone = message.deleted_at is not None
    if message.remote_id is None or not _fits(act, message.direction, talk.kind, gone):
        raise UserError(_why_not(message, act, gone))
    author = session.get(Contact, message.contact_id) if message.contact_id is not None else None
    return _Job(
        message_id=message.id,
        conversation_id=talk.id,
        channel_id=channel.id,
        label=capabilities.label,
        handle=channel.handle,
        remote_id=message.remote_id,
        author=author.remote_id if author else "",
        who=(author.name or author.handle) if author else "",
    )


def _why_not(message: Message, act: Act, gone: bool) -> str:
    if gone:
        return "This message was deleted at the network. Nothing can be done with it any more."
    if message.remote_id is None:
        return "This message isn't at the network (yet)."
    if act is Act.DELETE_OWN:
        return "Only what we wrote ourselves can be deleted."
    if message.direction is not Direction.IN:
        return "That can be done with what others wrote, not with our own messages."
    if act in (Act.HIDE, Act.UNHIDE):
        return "Only answers below our own posts can be hidden."
    return "This is a direct message: nobody else can see it, so it can't be shared on."


def _sentence(job: _Job, act: Act, error: NetworkError) -> UserError:
    """What a network's answer means for whoever clicked. The table in ARCHITECTURE.md says which error is which."""
    if isinstance(error, NeedsReauth):
        if error.status == _FORBIDDEN:  # a token for less: what else the channel does goes on
            return UserError(f"The sign-in of {job.handle} doesn't include this. Reconnect it to allow that too.")
        with db.write() as session:
            channels.note_error(session, job.channel_id, error)
        return UserError(f"{job.handle} must be reconnected first. Do that on the Channels page.")
    if isinstance(error, RateLimited):
        return UserError(f"{job.label} asks for a pause. Try again in a few minutes.")
    if isinstance(error, RemoteGone):
        what = "Whoever wrote this" if act in ON_AUTHOR else "This message"
        return UserError(f"{what} isn't on {job.label} any more, or doesn't let {job.handle} see it.")
    if isinstance(error, Rejected):
        return UserError(f"{job.label} refused: {error}" if error.status else str(error))
    return UserError(f"{job.label} gave no good answer: {error} Try again; done twice it does no harm.")


def _remember(session: Session, actor: Actor, job: _Job, act: Act) -> None:
    audit(session, actor, f"message.{act.value}", f"conversation:{job.conversation_id}", f"message:{job.message_id}")
    message = session.get(Message, job.message_id)
    if message is None:  # deleted here meanwhile
        return
    inbox_deeds.remember(session, message, act, actor.id)
    if act is Act.DELETE_OWN:
        mark_removed(session, job.channel_id, [job.remote_id])
