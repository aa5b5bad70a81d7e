"""A part of a draft as the record that will be written: key, time, facets, images, link card, reply references.

What needs the network here may be done twice without harm (look-ups, uploads); nothing is published.
Source: the lexicons app.bsky.feed.post, app.bsky.embed.images, app.bsky.embed.video, app.bsky.embed.external.
"""

import contextlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import regex

from core.connectors import facets, link_card
from core.connectors.atproto import AtUri, Json, Session, mapping, moment, stamp, tid
from core.connectors.base import Draft, DraftImage, DraftPart, Kind, Limits, ReplyTo, Sent
from core.connectors.bluesky_posts import POST, web_url
from core.connectors.http import Http, upload_seconds
from core.errors import OutcomeUnknown, Rejected, RemoteGone, RetryLater

_LANGUAGE = regex.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{1,8})*")
_NOT_UTF8 = regex.compile(r"\p{Cs}")


def request(session: Session, http: Http, limits: Limits, draft: Draft, *, part: int, previous: Sequence[Sent]) -> Json:
    """The body of putRecord for part number `part`, fixed: sent again, it makes the very same record."""
    now = datetime.now(UTC)
    piece = draft.parts[part]
    text = _NOT_UTF8.sub("", piece.text.replace("\r\n", "\n"))
    record: Json = {"$type": POST, "text": text, "createdAt": stamp(now)}
    if found := facets.facets(text, lambda handle: _resolve(session, handle)):
        record["facets"] = found
    if draft.language and _LANGUAGE.fullmatch(draft.language):
        record["langs"] = [draft.language]
    if reply := _reply(session, draft.reply_to, previous[:1] if piece.comment else previous):
        record["reply"] = reply
    if embed := _embed(session, http, limits, piece, text):
        record["embed"] = embed
    return {
        "repo": session.did,
        "collection": POST,
        "rkey": tid(now, secrets.randbelow(1024)),
        "record": record,
        "swapRecord": None,  # refuse to overwrite: nobody else may have this key
    }


def sent(request: Json, answer: Json) -> Sent:
    """What was published. `extra` holds the references that the next part of a thread needs."""
    uri, cid, record = answer.get("uri"), answer.get("cid"), request["record"]
    if not isinstance(uri, str) or not isinstance(cid, str):
        raise OutcomeUnknown("The server took the post but did not say where it is.")
    extra = {"cid": cid}
    root = mapping(mapping(record.get("reply")).get("root"))
    if root:
        extra |= {"root_uri": str(root["uri"]), "root_cid": str(root["cid"])}
    return Sent(uri, web_url(uri), moment(record["createdAt"]) or datetime.now(UTC), extra)


def _resolve(session: Session, handle: str) -> str | None:
    """The DID of a handle; None where nobody has it or it can't be found out: the text then stays plain."""
    try:
        told = session.get("com.atproto.identity.resolveHandle", {"handle": handle})
    except (Rejected, RemoteGone, RetryLater):
        return None
    did = told.get("did")
    return did if isinstance(did, str) and did.startswith("did:") else None


# --- replies ------------------------------------------------------------------------------------------------------


def _reply(session: Session, answered: ReplyTo | None, previous: Sequence[Sent]) -> Json | None:
    """`{"root", "parent"}` as strong references; None for the first part of a post of its own."""
    if previous:
        parent = _own_ref(session, previous[-1])
        extra = previous[-1].extra
        if "root_uri" in extra and "root_cid" in extra:
            return {"root": {"uri": extra["root_uri"], "cid": extra["root_cid"]}, "parent": parent}
        return {"root": _own_ref(session, previous[0]), "parent": parent}
    if answered is None:
        return None
    if answered.kind is Kind.DIRECT:
        raise Rejected("Direct messages on Bluesky can't be answered from here.")
    view = _look_up(session, answered.remote_id)
    ref = {"uri": answered.remote_id, "cid": str(view["cid"])}
    root = mapping(mapping(mapping(view.get("value")).get("reply")).get("root"))
    known = isinstance(root.get("uri"), str) and isinstance(root.get("cid"), str)
    return {"root": {"uri": root["uri"], "cid": root["cid"]} if known else ref, "parent": ref}


def _own_ref(session: Session, part: Sent) -> Json:
    cid = part.extra.get("cid") or _look_up(session, part.remote_id)["cid"]
    return {"uri": part.remote_id, "cid": str(cid)}


def _look_up(session: Session, uri: str) -> Json:
    """`{"cid", "value"}` of a record anywhere: first as the AppView has it, then from its repository."""
    for view in session.get("app.bsky.feed.getPosts", [("uris", uri)]).get("posts") or ():
        if mapping(view).get("uri") == uri and isinstance(view.get("cid"), str):
            return {"cid": view["cid"], "value": view.get("record")}
    held = session.record(AtUri.parse(uri))
    if held is None or not isinstance(held.get("cid"), str):
        raise RemoteGone("The message that this answers is no longer on Bluesky.")
    return held


# --- what hangs below the text --------------------------------------------------------------------------------------


def _embed(session: Session, http: Http, limits: Limits, piece: DraftPart, text: str) -> Json | None:
    video = next((one for one in piece.images if one.is_video), None)
    if video is not None:
        return _video(session, video)
    if piece.images:
        images = [_image(session, limits, image) for image in piece.images]
        return {"$type": "app.bsky.embed.images", "images": images}
    first = next(facets.links(text), None)
    return _card(session, http, limits, first[2]) if first else None


def _image(session: Session, limits: Limits, image: DraftImage) -> Json:
    from core.connectors.images import fit

    fitted = fit(image, limits)
    return {
        "image": session.upload(fitted.data, fitted.mime),
        "alt": _NOT_UTF8.sub("", image.alt),
        "aspectRatio": {"width": fitted.width, "height": fitted.height},
    }


def _video(session: Session, video: DraftImage) -> Json:
    """A video through our own server, as https://docs.bsky.app/docs/tutorials/video calls the simple method.

    Bluesky's video service takes it from there once the post is out: some seconds pass until it plays.
    """
    try:
        blob = session.upload(Path(video.path), video.mime, upload_seconds(video.size))
    except FileNotFoundError:
        raise Rejected("The video file is no longer there. Add the video again.") from None
    embed: Json = {
        "$type": "app.bsky.embed.video",
        "video": blob,
        "aspectRatio": {"width": video.width, "height": video.height},
    }
    return embed | ({"alt": alt} if (alt := _NOT_UTF8.sub("", video.alt)) else {})


def _card(session: Session, http: Http, limits: Limits, url: str) -> Json | None:
    """The card of a link; none where the page can't be read. Its picture is left out rather than the post held up."""
    card = link_card.read_card(http, url, limits.image_bytes)
    if card is None:
        return None
    external: Json = {"uri": url, "title": card.title, "description": card.description}
    if card.image:
        with contextlib.suppress(Rejected, RetryLater):
            external["thumb"] = session.upload(card.image, card.image_type)
    return {"$type": "app.bsky.embed.external", "external": external}
