"""Plain text to the HTML that Mastodon writes (docs.joinmastodon.org/spec/activitypub/#sanitization), and lengths."""

import html
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import regex

MENTION = r"(?<![\w/@])@(?P<user>[\w.-]*\w)(?:@(?P<server>[\w.-]+\w))?"
HASHTAG = r"(?<![\w/&])#(?P<tag>\w*[^\W\d_]\w*)"
LINK = r"(?P<link>https?://[^\s<>\"]*[^\s<>\"'.,;:!?)\]])"
_TOKENS = re.compile(f"{LINK}|{MENTION}|{HASHTAG}")
URL_LENGTH = 23


class Named(NamedTuple):
    """An account that a text may mention."""

    acct: str
    username: str


def hashtags(text: str) -> list[str]:
    """The hashtags of a text in lower case, each once, in order."""
    found = (m["tag"].lower() for m in _TOKENS.finditer(text) if m["tag"])
    return list(dict.fromkeys(found))


def mentions(text: str) -> list[str]:
    """The accts (`user` or `user@server`) a text mentions, lower case, each once, in order."""
    found = (_acct(m) for m in _TOKENS.finditer(text) if m["user"])
    return list(dict.fromkeys(found))


def _acct(match: "re.Match[str]") -> str:
    return (f"{match['user']}@{match['server']}" if match["server"] else match["user"]).lower()


def length(text: str) -> int:
    """As Mastodon counts: graphemes; a link is 23, a mention only its user name."""
    short = _TOKENS.sub(lambda m: "x" * URL_LENGTH if m["link"] else f"@{m['user']}" if m["user"] else m[0], text)
    return len(regex.findall(r"\X", short))


def to_html(text: str, known: Mapping[str, Named], base: str) -> str:
    """Paragraphs, line breaks, links with invisible parts, h-cards and hashtags. `known` by lower-case acct."""
    paragraphs = re.split(r"\n{2,}", text.replace("\r\n", "\n").strip())
    return "".join(f"<p>{_inline(p, known, base)}</p>" for p in paragraphs if p)


def _inline(text: str, known: Mapping[str, Named], base: str) -> str:
    pieces, end = [], 0
    for match in _TOKENS.finditer(text):
        pieces += [_plain(text[end : match.start()]), _token(match, known, base)]
        end = match.end()
    return "".join([*pieces, _plain(text[end:])])


def _plain(text: str) -> str:
    return html.escape(text, quote=False).replace("'", "&#39;").replace('"', "&quot;").replace("\n", "<br />")


def _token(match: "re.Match[str]", known: Mapping[str, Named], base: str) -> str:
    if match["link"]:
        return _link(match["link"])
    if match["tag"]:
        tag = html.escape(match["tag"])
        href = f"{base}/tags/{tag.lower()}"
        return f'<a href="{href}" class="mention hashtag" rel="tag">#<span>{tag}</span></a>'
    named = known.get(_acct(match))
    if named is None:
        return _plain(match[0])
    url = f"{base}/@{html.escape(named.acct)}"
    name = html.escape(named.username)
    return f'<span class="h-card" translate="no"><a href="{url}" class="u-url mention">@<span>{name}</span></a></span>'


def _link(url: str) -> str:
    scheme = re.match(r"https?://(?:www\.)?", url)
    prefix = scheme[0] if scheme else ""
    rest = url[len(prefix) :]
    shown, hidden = rest[:30], rest[30:]
    escape: Callable[[str], str] = html.escape
    return (
        f'<a href="{escape(url)}" target="_blank" rel="nofollow noopener" translate="no">'
        f'<span class="invisible">{escape(prefix)}</span>'
        f'<span class="{"ellipsis" if hidden else ""}">{escape(shown)}</span>'
        f'<span class="invisible">{escape(hidden)}</span></a>'
    )
