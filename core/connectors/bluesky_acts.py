"""Likes, reposts, follows, blocks, mutes and hidden answers on Bluesky.

Most are records in our own repository, each with a subject: https://docs.bsky.app/docs/tutorials/like-repost and the
lexicons app.bsky.feed.like, app.bsky.feed.repost, app.bsky.graph.follow, app.bsky.graph.block. Two records of one
subject would be two likes, and taking one back would leave the other: our repository is looked into first (it knows
what was written a moment ago), then what the AppView says (it knows what lies years back). An answer is hidden by the
threadgate of the post it stands below, muting is a call without a record.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from core.connectors import bluesky_posts as posts
from core.connectors.atproto import AtUri, Json, Session, mapping, objects, stamp
from core.connectors.base import Act
from core.errors import NetworkError, Rejected, RemoteGone

# Act -> the collection, the place in a view's `viewer` where it is named, and whether there shall be a record.
ON_POST: dict[Act, tuple[str, str, bool]] = {
    Act.LIKE: ("app.bsky.feed.like", "like", True),
    Act.UNLIKE: ("app.bsky.feed.like", "like", False),
    Act.REPOST: ("app.bsky.feed.repost", "repost", True),
    Act.UNREPOST: ("app.bsky.feed.repost", "repost", False),
}
ON_PERSON: dict[Act, tuple[str, str, bool]] = {
    Act.FOLLOW: ("app.bsky.graph.follow", "following", True),
    Act.UNFOLLOW: ("app.bsky.graph.follow", "following", False),
    Act.BLOCK: ("app.bsky.graph.block", "blocking", True),
    Act.UNBLOCK: ("app.bsky.graph.block", "blocking", False),
}
MUTING: dict[Act, str] = {Act.MUTE: "app.bsky.graph.muteActor", Act.UNMUTE: "app.bsky.graph.unmuteActor"}
HIDING: dict[Act, bool] = {Act.HIDE: True, Act.UNHIDE: False}

GATE = "app.bsky.feed.threadgate"
HIDDEN_MOST = 300  # app.bsky.feed.threadgate#hiddenReplies
NEWEST = 100  # records of a collection read in one call
TRIES = 3  # when somebody else writes the same record meanwhile


def do(session: Session, act: Act, remote_id: str, author: str) -> None:
    """As `Connector.act`, but for deleting."""
    if act in ON_POST:
        _on_post(session, act, remote_id)
    elif act in ON_PERSON:
        _on_person(session, act, author or AtUri.parse(remote_id).repo)
    elif act in MUTING:
        _mute(session, act, author or AtUri.parse(remote_id).repo)
    else:
        _hide(session, remote_id, HIDING[act])


# --- records with a subject -----------------------------------------------------------------------------------------


def _on_post(session: Session, act: Act, remote_id: str) -> None:
    """A record app.bsky.feed.like or app.bsky.feed.repost whose subject is the post, uri and cid.

    https://docs.bsky.app/docs/tutorials/like-repost
    """
    collection, named, wanted = ON_POST[act]
    view = _post(session, remote_id)
    subject = {"uri": remote_id, "cid": str(view.get("cid"))}
    _set(session, collection, subject, mapping(view.get("viewer")).get(named), wanted)


def _on_person(session: Session, act: Act, did: str) -> None:
    """A record app.bsky.graph.follow or app.bsky.graph.block whose subject is the DID.

    https://docs.bsky.app/docs/api/app-bsky-actor-get-profile says in `viewer` what there is.
    """
    collection, named, wanted = ON_PERSON[act]
    viewer = mapping(session.get("app.bsky.actor.getProfile", {"actor": did}).get("viewer"))
    _set(session, collection, did, viewer.get(named), wanted)


def _set(session: Session, collection: str, subject: str | Json, named: object, wanted: bool) -> None:
    """Have one record with this subject, or none. `named`: the address of one, as the AppView remembers it."""
    there = list(_ours(session, collection, _about(subject), named))
    if wanted and not there:
        record = {"$type": collection, "subject": subject, "createdAt": stamp(datetime.now(UTC))}
        body = {"repo": session.did, "collection": collection, "record": record}
        # Whoever tries again after a fault looks first, so it may be repeated.
        session.post("com.atproto.repo.createRecord", body, repeatable=True)
    elif not wanted:
        for uri in there:
            session.post("com.atproto.repo.deleteRecord", uri._asdict(), repeatable=True)


def _ours(session: Session, collection: str, about: str, named: object) -> Iterator[AtUri]:
    """Our records about a post or person: among the newest, and the one that is named if it is really there."""
    asked = {"repo": session.did, "collection": collection, "limit": NEWEST}
    newest = objects(session.get("com.atproto.repo.listRecords", asked).get("records"))
    found = {str(one.get("uri")) for one in newest if _about(mapping(one.get("value")).get("subject")) == about}
    yield from map(AtUri.parse, sorted(found))
    if isinstance(named, str) and named not in found:
        uri = AtUri.parse(named)
        if uri.repo == session.did and uri.collection == collection and session.record(uri) is not None:
            yield uri


def _about(subject: object) -> str:
    """The post or person that a subject means."""
    return str(mapping(subject).get("uri", "")) if isinstance(subject, dict) else str(subject)


def _post(session: Session, uri: str) -> Json:
    """The view of a post. One that isn't indexed yet, or whose author has blocked us, is as good as gone."""
    for view in objects(session.get("app.bsky.feed.getPosts", [("uris", uri)]).get("posts")):
        if view.get("uri") == uri and isinstance(view.get("cid"), str):
            return view
    raise RemoteGone("This post is no longer on Bluesky, or its author doesn't let this account see it.")


# --- without a record -----------------------------------------------------------------------------------------------


def _mute(session: Session, act: Act, did: str) -> None:
    """app.bsky.graph.muteActor, unmuteActor: nobody is told, and it may be said twice.

    https://docs.bsky.app/docs/api/app-bsky-graph-mute-actor
    """
    session.post(MUTING[act], {"actor": did}, repeatable=True)


# --- answers below our posts ----------------------------------------------------------------------------------------


def _hide(session: Session, remote_id: str, hidden: bool) -> None:
    """Name an answer in `hiddenReplies` of its thread's app.bsky.feed.threadgate, or no longer.

    The gate lies beside the post, under the same key; who may answer (`allow`) stays as it is. It is only written over
    what was read (`swapRecord`). https://docs.bsky.app/docs/tutorials/thread-gates
    """
    root = _root(session, remote_id)
    if root.repo != session.did:
        raise Rejected("Only answers below your own posts can be hidden.")
    for remaining in reversed(range(TRIES)):
        try:
            return _gate(session, root, remote_id, hidden)
        except NetworkError as error:
            if error.code != "InvalidSwap" or not remaining:
                raise
    return None


def _root(session: Session, remote_id: str) -> AtUri:
    """The first post of the thread that an answer stands in."""
    uri, _ = posts.refs(mapping(_post(session, remote_id).get("record")))
    if uri is None:
        raise Rejected("This is no answer to a post, so it can't be hidden.")
    return AtUri.parse(uri)


def _gate(session: Session, root: AtUri, remote_id: str, hidden: bool) -> None:
    place = AtUri(root.repo, GATE, root.rkey)
    held = session.record(place) or {}
    gate = mapping(held.get("value")) or {"$type": GATE, "post": str(root), "createdAt": stamp(datetime.now(UTC))}
    kept = gate.get("hiddenReplies")
    names = [str(uri) for uri in kept] if isinstance(kept, list) else []
    if (remote_id in names) is hidden:
        return
    if hidden and len(names) >= HIDDEN_MOST:
        raise Rejected(f"Bluesky hides at most {HIDDEN_MOST} answers below one post. Show another one again first.")
    changed = [*names, remote_id] if hidden else [uri for uri in names if uri != remote_id]
    body = {**place._asdict(), "record": {**gate, "hiddenReplies": changed}, "swapRecord": held.get("cid")}
    session.post("com.atproto.repo.putRecord", body, repeatable=True)
