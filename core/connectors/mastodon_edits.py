"""Changing a published status on a Mastodon-API server. https://docs.joinmastodon.org/methods/statuses/#edit

An edit states the whole post: what it leaves out is taken away (images, content warning, a poll with its votes). So the
status is read first, and everything but the text is sent back as it stands there.
"""

from core.connectors.http import Http
from core.connectors.mastodon_posts import Json, mapping, objects, path, word
from core.errors import Rejected, RemoteGone, RetryLater

STATUSES = "/api/v1/statuses"
CANNOT = "This server doesn't let applications change what is published. Change it there."
POLL = "This post has a poll, and a change of its text would end the votes. Change it there."


def edit(http: Http, remote_id: str, text: str) -> Json:
    """Give a status of ours another text; gives the status as it is then. Repeating it does no harm.

    Reads the status and GET /api/v1/statuses/:id/source, then PUT /api/v1/statuses/:id. Images keep their ids, alt
    texts and order. Raises `RemoteGone` if it isn't there.
    """
    status = mapping(http.get(path(STATUSES, remote_id)).json())
    if not word(status.get("id")):
        raise RetryLater("The server's answer was not a post.")
    if status.get("poll"):
        raise Rejected(POLL)
    source = _source(http, remote_id)
    if source.get("text") == text:
        return status
    warning = source.get("spoiler_text", status.get("spoiler_text"))
    form: Json = {
        "status": text,
        "spoiler_text": word(warning),
        "sensitive": bool(status.get("sensitive")),
        "media_ids": [word(item.get("id")) for item in objects(status.get("media_attachments"))],
    }
    if word(status.get("language")):
        form["language"] = word(status.get("language"))
    try:
        changed = mapping(http.write("PUT", path(STATUSES, remote_id), json=form, repeatable=True).json())
    except RemoteGone:
        # It can be read, so it is there: what is missing is the request.
        raise Rejected(CANNOT) from None
    if not word(changed.get("id")):
        raise RetryLater("The server answered, but not with the post. See there whether it has changed.")
    return changed


def _source(http: Http, remote_id: str) -> Json:
    """The text as it was written; empty where a server doesn't tell."""
    try:
        return mapping(http.get(path(STATUSES, remote_id, "source")).json())
    except (RemoteGone, Rejected):
        return {}
