"""Every key of the table: the only place where pk, sk and gsi1 templates are written."""

import hashlib
import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from chalicelib.text import TextError, fold

# Crockford's base 32, so that ids sort by creation and can be read aloud (ULID specification).
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
CLIENT_ID = re.compile(r"[a-z0-9][a-z0-9._-]{2,63}")
RANDOM_BITS = 80  # of an id
LAST_ID = "7" + 25 * "Z"
NOBODY = 26 * "0"  # an id that no user has
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_NAME = 1024  # bytes of a name that stands in a key as it is
MAX_PLACE = 149  # bytes of a value by which an index sorts: a cursor of it has 256 characters
MAX_USERNAME = 80  # characters
MAX_EMAIL = 120  # characters
MAX_UNIQUE = 500  # characters of another unique value
# A partition takes 1,000 writes a second (AWS quota), and a full index holds up what writes to the table.
AUDIT_SHARDS = 4
# Beginnings of sort keys, by which partitions are read.
MEMBERS = "MEMBER#"
INVITED_TO = "TEAM#"
CLEANUP_REFERRERS = "REFERRERS#"
CLEANUP_TEAMS = "TEAM#"
CLEANUP_USERS = "USER#"
FAMILIES = "FAMILY#"
USED_TOKENS = "USED#"
CODES = "CODE#"
CONSENTS = "CONSENT#"
LINKS = "LINK#"
ACCOUNT_SESSIONS = "ACCOUNT#"
EVENTS = "EVENT#"
INDEX = "INDEX#"
# Whose failed attempts, or calls, are counted.
ACCOUNT, ADDRESS, CLIENT = "ACCOUNT#", "ADDRESS#", "CLIENT#"
# Partitions, listings and counters of their own.
CLEANUPS = "CLEANUP"
COUNTERS = "COUNTERS"
USERS = "USERS"
TEAMS = "TEAMS"
ADMINS = "ADMINS"


class Key(NamedTuple):
    """The primary key of one item."""

    pk: str
    sk: str


def new_id() -> str:
    """Make a ULID: 48 bits of milliseconds since 1970, then 80 random bits, as 26 characters."""
    return _ulid(int(time.time() * 1000) << RANDOM_BITS | secrets.randbits(RANDOM_BITS))


def first_id(moment: datetime) -> str:
    """Return the lowest id of a time, rounded up to a millisecond; times before 1970 share one."""
    milliseconds = -((EPOCH - moment) // timedelta(milliseconds=1))
    return _ulid(max(milliseconds, 0) << RANDOM_BITS)


def id_before(ulid: str) -> str:
    """Return the id right below another one; below the lowest, the empty text."""
    number = _number(ulid)
    return _ulid(number - 1) if number else ""


def moment_of(ulid: str) -> datetime:
    """Return when an id was made, to the millisecond."""
    return EPOCH + timedelta(milliseconds=_number(ulid) >> RANDOM_BITS)


def _ulid(number: int) -> str:
    return "".join(ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def _number(ulid: str) -> int:
    return sum(ALPHABET.index(letter) << 5 * place for place, letter in enumerate(reversed(ulid)))


def is_id(text: object) -> bool:
    """Whether a text can be the id of anything."""
    return isinstance(text, str) and ULID.fullmatch(text) is not None


def unique(text: str, most: int) -> str:
    """Return a name as it is unique: spellings that look alike are the same (NFKC and casefold).

    :param most: characters that a name may have; what is longer, or not stream-safe, stays as it is.
    """
    try:
        return fold(text, most)
    except TextError:
        return text


def user(user_id: str) -> Key:
    """Key of a user."""
    return Key(f"USER#{user_id}", "USER")


def username(name: str) -> Key:
    """Key of the marker that makes a username unique."""
    return Key(f"USERNAME#{_bounded(unique(name, MAX_USERNAME))}", "USERNAME")


def email(address: str) -> Key:
    """Key of the marker that makes an e-mail address unique."""
    return Key(f"EMAIL#{_bounded(unique(address, MAX_EMAIL))}", "EMAIL")


def unique_value(kind: str, field: str, value: str) -> Key:
    """Key of the marker that makes a value unique among the items of a kind."""
    return Key(f"UNIQUE#{kind}#{field}#{_bounded(unique(value, MAX_UNIQUE))}", "UNIQUE")


def _bounded(text: str) -> str:
    # NFKC makes up to 18 characters of one, and DynamoDB takes 2,048 bytes as a partition key.
    data = text.encode("utf-8")
    return text if len(data) <= MAX_NAME else f"sha256:{hashlib.sha256(data).hexdigest()}"


def team(team_id: str) -> Key:
    """Key of a team."""
    return Key(f"TEAM#{team_id}", "TEAM")


def member(team_id: str, user_id: str) -> Key:
    """Key of a membership; all memberships of a team share its partition."""
    return Key(f"TEAM#{team_id}", f"{MEMBERS}{user_id}")


def teams_of(user_id: str) -> str:
    """Return the name of the listing of a user's memberships."""
    return f"TEAMS#{user_id}"


def invited(digest: str, team_id: str) -> Key:
    """Key of the invitation of an e-mail address to a team.

    :param digest: of the address, as `digest_of` returns it.
    """
    return Key(f"INVITED#{digest}", f"{INVITED_TO}{team_id}")


def digest_of(address: str) -> str:
    """Return an e-mail address as keys hold it that only lead to it."""
    return hashlib.sha256(unique(address, MAX_EMAIL).encode()).hexdigest()


def invitations_of(team_id: str) -> str:
    """Return the name of the listing of a team's open invitations."""
    return f"INVITATIONS#{team_id}"


def invitation_place(invitation_id: str) -> Key:
    """Key of the note where an invitation is, by the id of its link."""
    return Key(f"INVITATION#{invitation_id}", "INVITATION")


def cleanup(team_id: str) -> Key:
    """Key of the note that the memberships of a deleted team are still to be deleted."""
    return Key(CLEANUPS, f"{CLEANUP_TEAMS}{team_id}")


def erasure(user_id: str) -> Key:
    """Key of the note that what an erased account left is still to be erased."""
    return Key(CLEANUPS, f"{CLEANUP_USERS}{user_id}")


def cascade(referrers: str, attribute: str, target_id: str) -> Key:
    """Key of the note that what refers to a deleted item is still to be deleted.

    :param referrers: their kind, and `attribute` what refers.
    """
    return Key(CLEANUPS, f"{CLEANUP_REFERRERS}{referrers}#{attribute}#{target_id}")


def letter_about(user_id: str, letter_id: str) -> Key:
    """Key of a letter to an account that is not sent yet."""
    return Key(f"USER#{user_id}", f"{LETTERS}{letter_id}")


def letter_to(recipient: str, letter_id: str) -> Key:
    """Key of a letter to somebody without an account that is not sent yet.

    :param recipient: the address as it is unique; the letter's own id where nothing may lead to it.
    """
    return Key(f"LETTERS#{_bounded(recipient)}", f"{LETTERS}{letter_id}")


def due(seconds: float, letter_id: str) -> str:
    """Return the place of a letter in the outbox, which is sorted by the time of the next attempt."""
    return f"{int(seconds):010}#{letter_id}"


LETTERS = "LETTER#"
OUTBOX = "OUTBOX"


def client(client_id: str) -> Key:
    """Key of an OAuth2 client."""
    return Key(f"CLIENT#{client_id}", "CLIENT")


def family(user_id: str, family_id: str) -> Key:
    """Key of a refresh token family: one sign-in of a user at a client."""
    return Key(f"USER#{user_id}", f"{FAMILIES}{family_id}")


def used_refresh_token(user_id: str, token_hash: str) -> Key:
    """Key of the tombstone of a refresh token that was used up."""
    return Key(f"USER#{user_id}", f"{USED_TOKENS}{token_hash}")


def authorization_code(user_id: str, code_hash: str) -> Key:
    """Key of an authorization code, under the user who signed in for it."""
    return Key(f"USER#{user_id}", f"{CODES}{code_hash}")


def used_ticket(ticket_id: str) -> Key:
    """Key of the note that a consent page was answered."""
    return Key(f"TICKET#{ticket_id}", "TICKET")


def consent(user_id: str, client_id: str) -> Key:
    """Key of what a user lets a client do."""
    return Key(f"USER#{user_id}", f"{CONSENTS}{client_id}")


def consents_of(user_id: str) -> str:
    """Return the name of the counter of a user's consents."""
    return f"CONSENTS#{user_id}"


def link(user_id: str, purpose: str) -> Key:
    """Key of the link that a user was sent last for a purpose."""
    return Key(f"USER#{user_id}", f"{LINKS}{purpose}")


def account_session(user_id: str, secret_hash: str) -> Key:
    """Key of a sign-in to the account page."""
    return Key(f"USER#{user_id}", f"{ACCOUNT_SESSIONS}{secret_hash}")


def revoked_token(token_id: str) -> Key:
    """Key of the denylist entry of one access token (by jti)."""
    return Key(f"REVOKED#{token_id}", "REVOKED")


def failures(subject: str, window: int) -> Key:
    """Key of the failed attempts of an account, an address, or a client at one, in one time window."""
    return Key(f"FAILURES#{subject}", f"WINDOW#{window}")


def rate(operation: str, subject: str, limit: str, window: int) -> Key:
    """Key of a caller's calls of an operation in one time window of one of its limits."""
    return Key(f"RATE#{operation}#{subject}", f"{limit}#WINDOW#{window}")


def kept_answer(digest: str) -> Key:
    """Key of what a request with an idempotency key was answered."""
    return Key(f"ANSWER#{digest}", "ANSWER")


def audit_event(event_id: str, user_id: str | None) -> Key:
    """Key of an audit event in the listing of an account, or on its own, where no account is known."""
    return Key(audit_of(user_id or event_id), f"{EVENTS}{event_id}")


def audit_of(user_id: str) -> str:
    """Return the name of the listing of an account's audit events."""
    return f"AUDIT#{user_id}"


def audit_shard(event_id: str) -> str:
    """Return the part of the listing of all audit events that one is in."""
    return audit_shards()[ALPHABET.index(event_id[-1]) % AUDIT_SHARDS]


def audit_shards() -> list[str]:
    """Return all parts of the listing of all audit events."""
    return [f"AUDIT#SHARD#{number}" for number in range(AUDIT_SHARDS)]


def index_entry(pk: str, sk: str, attribute: str) -> Key:
    """Key of the entry that finds an item by an attribute, in the partition of the item."""
    return Key(pk, f"{INDEX}{sk}#{attribute}")


def found_by(entry: Key) -> tuple[Key, str]:
    """Return the key of the item that an index entry finds, and by which attribute."""
    sk, _, attribute = entry.sk.removeprefix(INDEX).rpartition("#")
    return Key(entry.pk, sk), attribute


def indexed(listing: str, attribute: str, value: str | None = None) -> str:
    """Return the name of the index of a listing's items by an attribute.

    :param value: the one that all of them have; None if they are sorted by it.
    """
    return f"{listing}#{attribute}" + ("" if value is None else f"#{_bounded(value)}")


def place_of(value: str, position: str) -> str:
    """Return the place of an item where items are sorted by a value.

    :param position: its place in the listing, which sorts those of the same value.
    """
    return f"{shortened(value)}\x1f{position}"  # no text has this character, which sorts before all others


def shortened(value: str) -> str:
    """Return as much of a value as an index sorts by."""
    return value.encode("utf-8")[:MAX_PLACE].decode("utf-8", "ignore")


def counter(name: str, shard: int = 0) -> Key:
    """Key of one shard of a counter."""
    return Key(f"{_COUNTER}{name}", f"SHARD#{shard}")


def counted(key: Key) -> str:
    """Return the name of the counter that a shard belongs to."""
    return key.pk.removeprefix(_COUNTER)


_COUNTER = "COUNTER#"


def clients_of(user_id: str) -> str:
    """Return the name of the listing (and the counter) of a user's OAuth2 clients."""
    return f"CLIENTS#{user_id}"
