"""HTML of the networks, made into safe plain text with its links and line breaks, and texts compared. Pure."""

import re
import unicodedata
from html import unescape

# What is read of a text; far more than any server lets people write.
LONGEST = 100_000  # characters of HTML
MOST_TAGS = 5_000  # nested deeply, more of them would take a parser seconds

# What nh3 leaves of the markup; the words of all other elements stay, those of the hidden ones go.
_TAGS = {*("a", "br", "p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "ul", "ol", "li")}
_HIDDEN = {"script", "style", "template", "iframe"}
_BREAK = re.compile(r"<br>[ \t\r\n]*")
_BLOCK_END = re.compile(r"</(p|div|h[1-6]|blockquote|pre|ul|ol)>\s*")
_ITEM_END = re.compile(r"</li>\s*(</[uo]l>)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_PRE = re.compile(r"(?=</?pre\b)")
_SOURCE_BREAK = re.compile(r"(?<![ \t])[ \t]*\r?\n[ \t]*")
_WEB = re.compile(r"https?://", re.IGNORECASE)
_HOST_OF_MENTION = re.compile(r"(@[\w.-]+)@[\w.-]+\w", re.UNICODE)


def to_text(html: str | None) -> str:
    """What a person would read, links written out; nothing in it is markup."""
    if not html:
        return ""
    if "<" not in html:
        return plain(html)
    import nh3
    from bs4 import BeautifulSoup
    from bs4.element import Tag

    # First a parser that nothing can upset: the next one takes ages over tags that never end.
    tidy = nh3.clean(
        "<".join(html[:LONGEST].split("<", MOST_TAGS)[:MOST_TAGS]),
        tags=_TAGS,
        clean_content_tags=_HIDDEN,
        attributes={"a": {"href", "class"}},
        url_schemes={"http", "https"},
        link_rel=None,
    )
    # A line break in the source is a space to whoever reads it, except in preformatted text.
    pieces = (p if p.startswith("<pre") else _SOURCE_BREAK.sub(" ", p) for p in _PRE.split(tidy))
    marked = _ITEM_END.sub(lambda end: "\n\n" if end[1] else "\n", "".join(pieces).replace("<li>", "• "))
    marked = _BLOCK_END.sub("\n\n", _BREAK.sub("\n", marked))
    soup = BeautifulSoup(marked, "html.parser")
    for link in soup.find_all("a"):
        if isinstance(link, Tag):
            link.replace_with(_link(link.get_text(), str(link.get("href") or ""), link.get("class")))
    return clean(soup.get_text())


def plain(text: str | None) -> str:
    """Text that isn't HTML (a name, a content warning, an alt text), tidied; escaped characters are written out."""
    return clean(unescape(text)) if text else ""


def _link(words: str, address: str, classes: object) -> str:
    """Mentions and hashtags as written; a link as its address, after its words when those say something else."""
    names = classes if isinstance(classes, list) else str(classes or "").split()
    if "mention" in names or "hashtag" in names or (words.startswith(("@", "#")) and " " not in words):
        return words
    if not _WEB.match(address):
        return words
    bare = _WEB.sub("", address).rstrip("/")
    if not words.strip() or bare.startswith(_WEB.sub("", words).strip().rstrip("…/")):
        return address
    return f"{words} ({address})"


def clean(text: str) -> str:
    """Without control characters and direction overrides; at most one empty line in a row."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\u00a0", " "))
    lines = [line.rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def fingerprint(text: str) -> str:
    """What stays the same of a text however a server dresses it: letters, digits and symbols; no hosts of mentions.

    Two texts with one fingerprint are taken for the same post.
    """
    plain = _WEB.sub("", _HOST_OF_MENTION.sub(r"\1", text))
    folded = unicodedata.normalize("NFKC", plain).casefold()
    kept = "".join(c for c in folded if unicodedata.category(c)[0] in "LNS")
    # A text of nothing but punctuation still is a text.
    return kept or "".join(folded.split())
