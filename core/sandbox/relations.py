"""What one account is to another: follows, mutes, blocks. Functions over the store; who is told is `network.py`'s.

https://docs.joinmastodon.org/entities/Relationship/
"""
# ruff: noqa: S608 - table names are literals of this module

from typing import Any

from core.sandbox.store import Store

TIES = ("follow", "mute", "block")


def tie(store: Store, kind: str, account_id: int, target_id: int) -> bool:
    """Follow, mute or block; False if it was so already. A block ends following, both ways."""
    assert kind in TIES
    with store.writing():
        if kind == "block":
            untie(store, "follow", account_id, target_id)
            untie(store, "follow", target_id, account_id)
        return bool(store.changed(f"INSERT OR IGNORE INTO {kind} VALUES (?, ?)", account_id, target_id))


def untie(store: Store, kind: str, account_id: int, target_id: int) -> None:
    """Take it back; nothing happens if it wasn't so."""
    assert kind in TIES
    store.run(f"DELETE FROM {kind} WHERE account_id = ? AND target_id = ?", account_id, target_id)


def tied(store: Store, kind: str, account_id: int, target_id: int) -> bool:
    """Whether it is so."""
    assert kind in TIES
    found = store.one(f"SELECT 1 FROM {kind} WHERE account_id = ? AND target_id = ?", account_id, target_id)
    return found is not None


def is_silent(store: Store, account_id: int, other_id: int) -> bool:
    """Whether an account doesn't want to hear of another."""
    return any(tied(store, kind, account_id, other_id) for kind in ("mute", "block"))


def relationship(store: Store, account_id: int, target_id: int) -> dict[str, Any]:
    """A Relationship, as seen from `account_id`."""
    follows, muting = (tied(store, kind, account_id, target_id) for kind in ("follow", "mute"))
    return {
        "id": str(target_id),
        "following": follows,
        "showing_reblogs": follows,
        "notifying": False,
        "languages": None,
        "followed_by": tied(store, "follow", target_id, account_id),
        "blocking": tied(store, "block", account_id, target_id),
        "blocked_by": tied(store, "block", target_id, account_id),
        "muting": muting,
        "muting_notifications": muting,
        "muting_expires_at": None,
        "requested": False,
        "requested_by": False,
        "domain_blocking": False,
        "endorsed": False,
        "note": "",
    }
