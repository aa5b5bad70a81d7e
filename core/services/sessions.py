"""Signing in: passwords (argon2), sessions kept on the server, failed tries slowed down.

The browser holds a random token, the database its SHA-256. Members themselves are `team.py`'s.
"""

import hashlib
import secrets
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select, update
from sqlmodel import Session, col

from core import db
from core.errors import UserError
from core.models.team import LoginFailure, LoginSession, Member
from core.services.team import Actor, actor_of, audit

COOKIE = "hub_session"
SESSION_LIFE = timedelta(days=14)  # since it was last used
SEEN_EVERY = timedelta(minutes=10)  # how often use is written down
WINDOW = timedelta(minutes=15)
FREE_TRIES = 5  # in the window, before each further try has to wait
FIRST_PAUSE, LONGEST_PAUSE = 15.0, 900.0  # seconds
KEEP_FAILURES = timedelta(hours=1)
WRONG = "E-mail or password is wrong."

# Set by the web process once its gate stands; the pages open only then.
GATE = threading.Event()

# Guesses made at the same time would all be checked before the first one counts; and each hash takes 64 MiB.
_one_at_a_time = threading.Lock()


class TooManyTries(UserError):
    """Signing in must wait `seconds`."""

    def __init__(self, seconds: float) -> None:
        minutes = max(round(seconds / 60), 1)
        span = f"{minutes} minutes" if minutes > 1 else "a minute"
        super().__init__(f"Too many failed tries. Wait {span}, then try again.")
        self.seconds = seconds


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    """What an unknown e-mail's password is compared with, so that it takes as long as a known one's."""
    return _hasher().hash(secrets.token_hex(16))


def hash_password(password: str) -> str:
    """Argon2id. Raises `UserError` for a password that is too short or far too long."""
    if len(password) < 10:
        raise UserError("The password needs at least 10 characters. A few words in a row make a good one.")
    if len(password) > 1000:
        raise UserError("The password is longer than 1,000 characters. Take a shorter one.")
    return _hasher().hash(password)


def password_fits(stored: str, password: str) -> bool:
    """Whether this is the password behind the hash."""
    try:
        return _hasher().verify(stored, password[:1000])
    except (VerificationError, InvalidHashError):
        return False


def sign_in(email: str, password: str, address: str, user_agent: str = "") -> str:
    """Check e-mail and password and open a session; gives the token for the cookie.

    Raises `UserError` when they are wrong, `TooManyTries` when address or e-mail failed too often. Opens its own
    transactions: hashing takes long, and a failure must be kept.
    """
    email = email.strip().lower()
    keys = (f"ip:{address}"[:350], f"email:{email}"[:350])
    with _one_at_a_time:
        with db.read() as session:
            pause = max(_pause(session, key) for key in keys)
            found = select(Member).where(col(Member.email) == email, col(Member.disabled_at).is_(None))
            member = session.execute(found).scalar_one_or_none()
        if pause > 0:
            raise TooManyTries(pause)
        fits = password_fits(member.password_hash if member else _nobodys_hash(), password)
        if member is None or not fits:
            _note_failure(keys)
            raise UserError(WRONG)
    with db.write() as session:
        session.execute(delete(LoginFailure).where(col(LoginFailure.key) == keys[1]))
        token = open_session(session, member.id, user_agent)
        if _hasher().check_needs_rehash(member.password_hash):
            session.get_one(Member, member.id).password_hash = _hasher().hash(password)
        audit(session, actor_of(member), "member.sign_in")
    return token


def _note_failure(keys: Iterable[str]) -> None:
    with db.write() as session:
        session.add_all([LoginFailure(key=key) for key in keys])
        session.execute(delete(LoginFailure).where(col(LoginFailure.at) < db.utc_now() - KEEP_FAILURES))


def _pause(session: Session, key: str) -> float:
    """Seconds that this key still has to wait; each failure beyond the free ones doubles it."""
    now = db.utc_now()
    count, last = session.execute(
        select(func.count(), func.max(col(LoginFailure.at))).where(
            col(LoginFailure.key) == key, col(LoginFailure.at) > now - WINDOW
        )
    ).one()
    if count < FREE_TRIES or last is None:
        return 0.0
    pause: float = min(FIRST_PAUSE * 2.0 ** (count - FREE_TRIES), LONGEST_PAUSE)
    waited: float = (now - last).total_seconds()
    return max(pause - waited, 0.0)


def open_session(session: Session, member_id: int, user_agent: str = "") -> str:
    """A new session of a member; gives its token. Sessions that ended are swept out."""
    token = secrets.token_urlsafe(32)
    now = db.utc_now()
    session.execute(delete(LoginSession).where(col(LoginSession.expires_at) < now))
    row = LoginSession(
        token_hash=_hashed(token), member_id=member_id, expires_at=now + SESSION_LIFE, user_agent=user_agent[:300]
    )
    session.add(row)
    session.flush()
    return token


def session_actor(session: Session, token: str | None) -> Actor | None:
    """Who is signed in with this token; None for no token, an ended session or a disabled member. One indexed read."""
    found = _session(session, token)
    return None if found is None else actor_of(found[0])


def visit(token: str | None) -> Actor | None:
    """As `session_actor`, in a read of its own; a session that is used goes on."""
    with db.read() as session:
        found = _session(session, token)
    if found is None or token is None:
        return None
    if db.utc_now() - found[1] >= SEEN_EVERY:
        keep_alive(token)
    return actor_of(found[0])


def _session(session: Session, token: str | None) -> tuple[Member, datetime] | None:
    """The member behind a token, and when the session was last written down as used."""
    if not token:
        return None
    found = session.execute(
        select(Member, col(LoginSession.seen_at))
        .join(LoginSession, col(LoginSession.member_id) == col(Member.id))
        .where(
            col(LoginSession.token_hash) == _hashed(token),
            col(LoginSession.expires_at) > db.utc_now(),
            col(Member.disabled_at).is_(None),
        )
    ).one_or_none()
    return None if found is None else (found[0], found[1])


def keep_alive(token: str) -> None:
    """Write down that a session was used: it lives on from now."""
    now = db.utc_now()
    with db.write() as session:
        session.execute(
            update(LoginSession)
            .where(col(LoginSession.token_hash) == _hashed(token), col(LoginSession.expires_at) > now)
            .values(seen_at=now, expires_at=now + SESSION_LIFE)
        )


def sign_out(token: str) -> None:
    """End the session; its token is worth nothing from now on."""
    with db.write() as session:
        session.execute(delete(LoginSession).where(col(LoginSession.token_hash) == _hashed(token)))


def end_sessions(session: Session, member_id: int, keep: str | None = None) -> None:
    """Sign a member out everywhere, but for the session with the token `keep`."""
    ended = delete(LoginSession).where(col(LoginSession.member_id) == member_id)
    session.execute(ended if keep is None else ended.where(col(LoginSession.token_hash) != _hashed(keep)))


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
