"""What is different between two contents of a post: texts word by word, everything else as sentences. Pure."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Content = Mapping[str, Any]
"""As `post_history.content_of` gives it."""

Sign = Literal["same", "gone", "new"]


@dataclass(frozen=True)
class Piece:
    """A run of words that both have, only the older one, or only the newer one."""

    sign: Sign
    text: str


@dataclass(frozen=True)
class TextDiff:
    """A text that is different: what it is called, and its words in order."""

    label: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Diff:
    """All that is different between two contents: texts word by word, everything else as sentences."""

    texts: tuple[TextDiff, ...]
    others: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.texts or self.others)


_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
MANY = 300  # tokens
LONG = 20_000  # tokens; beyond that line by line


def words(old: str, new: str) -> tuple[Piece, ...]:
    """Two texts word by word. Spaces between two changed words go with them: it reads as one change."""
    a, b = _WORDS.findall(old), _WORDS.findall(new)
    if len(a) + len(b) > LONG:
        a, b = old.splitlines(keepends=True), new.splitlines(keepends=True)
    # Among many words, those that come again and again are no anchors: it would take seconds for a text of refrains.
    found = difflib.SequenceMatcher(None, a, b, autojunk=len(b) > MANY).get_opcodes()
    pieces: list[Piece] = []
    gone = new_ = ""
    for number, (tag, i, j, k, m) in enumerate(found):
        same = "".join(a[i:j]) if tag == "equal" else ""
        if tag != "equal" or ((gone or new_) and not same.strip(" ") and number + 1 < len(found)):
            gone, new_ = gone + "".join(a[i:j]), new_ + "".join(b[k:m])
            continue
        pieces += [*_changed(gone, new_), Piece("same", same)]
        gone = new_ = ""
    return (*pieces, *_changed(gone, new_))


def _changed(gone: str, new: str) -> list[Piece]:
    signs: tuple[tuple[Sign, str], ...] = (("gone", gone), ("new", new))
    return [Piece(sign, text) for sign, text in signs if text]


def diff(old: Content, new: Content) -> Diff:
    """What is different, for people. Both as `content_of` gives them; what one doesn't say counts as empty."""
    texts = [
        TextDiff(label, words(str(old.get(name) or ""), str(new.get(name) or "")))
        for name, label in (
            ("title", "Title"),
            ("text", "Text"),
            ("content_warning", "Content warning"),
            ("first_comment", "First comment"),
        )
        if (old.get(name) or "") != (new.get(name) or "")
    ]
    before, after = by_id(old, "channels"), by_id(new, "channels")
    for number in before.keys() & after.keys():
        a, b = before[number].get("text"), after[number].get("text")
        if a != b:
            one = a if a is not None else str(old.get("text") or "")
            other = b if b is not None else str(new.get("text") or "")
            texts.append(TextDiff(f"Text for {after[number]['handle']}", words(one, other)))
    return Diff(tuple(texts), (*_channels(before, after), *_images(old, new), *_details(old, new)))


def by_id(content: Content, name: str) -> dict[int, dict[str, Any]]:
    return {one["id"]: one for one in content.get(name) or ()}


def _channels(before: Mapping[int, Content], after: Mapping[int, Content]) -> list[str]:
    gone = [f"Not for {one['handle']} any more." for number, one in before.items() if number not in after]
    return gone + [f"For {one['handle']}, too." for number, one in after.items() if number not in before]


def _images(old: Content, new: Content) -> list[str]:
    before, after = by_id(old, "images"), by_id(new, "images")
    said = [f"Without the image {one['name']}." for number, one in before.items() if number not in after]
    said += [f"With the image {one['name']}." for number, one in after.items() if number not in before]
    for number in before.keys() & after.keys():
        a, b = before[number], after[number]
        if a.get("alt") != b.get("alt"):
            said.append(f"Alt text of {b['name']}: “{a.get('alt') or ''}” became “{b.get('alt') or ''}”.")
        if a.get("focus") != b.get("focus"):
            said.append(f"What stays in sight of {b['name']} is another part.")
    both = [n for n in before if n in after]
    if both != [n for n in after if n in before]:
        said.append("The images are in another order.")
    return said


DETAILS = (("language", "Language"), ("visibility", "Visibility"), ("campaign", "Campaign"))
STATES = {
    "idea": "an idea",
    "draft": "a draft",
    "in_review": "in review",
    "approved": "approved",
    "scheduled": "scheduled",
    "published": "published",
    "needs_care": "in need of care",
    "cancelled": "cancelled",
}


def _details(old: Content, new: Content) -> list[str]:
    said = []
    for name, label in DETAILS:
        a, b = old.get(name) or "", new.get(name) or ""
        if a != b:
            said.append(f"{label}: {a or 'none'} became {b or 'none'}.")
    if bool(old.get("tagged")) != bool(new.get("tagged")):
        said.append(f"Links carry the campaign's parameters {'now' if new.get('tagged') else 'no more'}.")
    if (old.get("untagged_links") or []) != (new.get("untagged_links") or []):
        said.append("Other links are left without the campaign's parameters.")
    if "planned_at" in old and "planned_at" in new and old["planned_at"] != new["planned_at"]:
        said.append("It goes out at another time.")
    if "state" in old and "state" in new and old["state"] != new["state"]:
        said.append(f"It was {STATES.get(old['state'], old['state'])}, then {STATES.get(new['state'], new['state'])}.")
    return said
