"""What leaves for a server of the Mastodon API, and how it is recognised there. Pure; the requests are `mastodon.py`'s.

Counting follows Mastodon's own StatusLengthValidator: characters as people count them, each link as a fixed number, a
mention without its host.
"""

from datetime import datetime

import regex

from core.connectors import mastodon_posts as posts
from core.connectors import seen_text
from core.connectors.base import Draft, Kind, Limits, graphemes
from core.connectors.html import fingerprint, plain, to_text
from core.connectors.mastodon_posts import Json, mapping, objects, word
from core.connectors.seen_text import Piece, cut_link

VISIBILITIES = ("direct", "private", "unlisted", "public")  # from narrow to wide
# Links end where Mastodon ends them: punctuation behind them is text, and counts.
LINK = regex.compile(
    r"https?://[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:[/?#](?:[^\s<>\"]*[^\s<>\"()?!*'「」;:=,.$%\[\]~&|@…])?)?",
    regex.IGNORECASE,
)
MENTION = regex.compile(
    r"(?<![=/\w])@([a-z0-9_]+(?:[.-]+[a-z0-9_]+)*)(?:@([\w-]+(?:\.[\w-]+)*(?::\d+)?))?", regex.IGNORECASE
)


def counted(text: str, limits: Limits) -> int:
    """Length of a text as the server counts it."""
    links = 0
    if limits.url_length is not None:
        text, links = LINK.subn(" ", text)
    return graphemes(MENTION.sub(r"@\1", text)) + links * ((limits.url_length or 0) - 1)


def seen(text: str) -> list[Piece]:
    """A text as readers see it."""
    links = [(m.start(), m.end(), Piece("link", cut_link(m.group()), m.group())) for m in LINK.finditer(text)]
    people = [(m.start(), m.end(), Piece("mention", f"@{m.group(1)}")) for m in MENTION.finditer(text)]
    return seen_text.pieces(text, [*links, *people, *seen_text.tag_spans(text)])


def mentioned(text: str, host: str) -> set[str]:
    """The people a text names, as `user@host`; without a host they are on ours."""
    return {f"{user}@{place or host}".lower() for user, place in MENTION.findall(LINK.sub(" ", text))}


def addressed(text: str, handle: str) -> str:
    """A text that names whoever has this handle, at its beginning unless it does already; without a host is enough."""
    name = handle.lstrip("@").lower()
    named = mentioned(text, "")
    if not name or name in named or any(one.endswith("@") and name.startswith(one) for one in named):
        return text
    return f"@{name} {text}".rstrip()


def visibility(answered: Json, kind: Kind, usual: str) -> str | None:
    """For whom an answer may be: never wider than what is answered, nor than we usually are. None: it decides.

    Servers know kinds of their own (GoToSocial `mutuals_only`, Pleroma `local`): then only the person sees it.
    """
    theirs = word(answered.get("visibility"))
    if kind is Kind.DIRECT:
        return "direct"
    if not theirs:
        return None
    if theirs not in VISIBILITIES:
        return "direct"
    return min(theirs, usual if usual in VISIBILITIES else theirs, key=VISIBILITIES.index)


def manner(draft: Draft) -> Json:
    """What every part of a draft says beside its text: language, for whom it is, the warning in front of it.

    A server takes a status with a warning for sensitive by itself, but not all of the kin do, so it is said.
    https://docs.joinmastodon.org/methods/statuses/#form-data-parameters
    """
    form: Json = {}
    if draft.language:
        form["language"] = draft.language
    if draft.content_warning:
        form |= {"spoiler_text": draft.content_warning, "sensitive": True}
    if draft.visibility:
        form["visibility"] = draft.visibility
    return form


def is_it(status: Json, form: Json, oldest: datetime) -> bool:
    """Whether a status of ours is what this form would have made, however the server dresses it."""
    sent_at = posts.moment(status.get("created_at"))
    if sent_at is None or sent_at < oldest or not word(status.get("id")):
        return False
    if word(status.get("in_reply_to_id")) != word(form.get("in_reply_to_id")):
        return False
    theirs = {word(item.get("id")) for item in objects(status.get("media_attachments"))}
    ours = set(form.get("media_ids") or [])
    # An upload is used once: its id settles it. A server that gives out other ids must at least show as many.
    if ours and theirs & ours:
        return True
    return len(theirs) == len(ours) and _says(status, form)


def _says(status: Json, form: Json) -> bool:
    """Whether its words are those of the form. Of a status without text Mastodon makes the warning the text, and
    servers that have no warnings leave it out, or put it before the text."""
    text, warning = word(form.get("status")), word(form.get("spoiler_text"))
    content = fingerprint(to_text(word(status.get("content"))))
    theirs = plain(word(status.get("spoiler_text")))
    if theirs:
        return fingerprint(theirs) == fingerprint(warning) and content == fingerprint(text)
    return content in {fingerprint(text), fingerprint(f"{warning}\n{text}")}


def application(status: Json) -> str:
    """The name of the application that sent a status, where the server tells."""
    return word(mapping(status.get("application")).get("name"))
