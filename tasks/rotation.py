"""How the document of secrets changes when keys come and go; nothing here reads or writes it."""

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.security.keys import CURRENT, NEXT, RETIRED
from chalicelib.security.keystore import MOST
from chalicelib.security.signing import PublicKey, load_private_key, load_public_key
from chalicelib.security.tokens import LEEWAY
from chalicelib.settings import Settings
from tasks.errors import TaskError

Entry = dict[str, Any]
Document = dict[str, Any]


def propagation(settings: Settings) -> int:
    """Return the seconds after which all instances have read a change.

    A copy is good for the cache time. Where the source can't be read it is used for as long again; so it is
    where a client has fetched the JWK Set from a copy just before that expired.
    """
    return MOST * settings.secrets_cache


def lifetime(settings: Settings) -> int:
    """Return the seconds for which a key still verifies after another one signs."""
    return settings.access_token_lifetime + LEEWAY + propagation(settings)


def entry_of(document: Document, status: str) -> Entry | None:
    """Find the first key of a status; without one, it is current."""
    entries = document["signing_keys"]
    return next((entry for entry in entries if entry.get("status", CURRENT) == status), None)


def publish(document: Document, entry: Entry, now: int) -> Document:
    """Add a key that signs later; where there is one already, that stays the next one."""
    if entry_of(document, NEXT):
        return document
    return _with(document, [*document["signing_keys"], {**entry, "status": NEXT, "published": now}])


def promote(document: Document, kid: str, now: int, keep: int) -> Document:
    """Promote the next key; the one before verifies for a while, and its private part is removed.

    :param kid: the key that is meant: where it is not the next one any more, nothing changes.
    :param keep: seconds.
    """
    successor = entry_of(document, NEXT)
    if successor is None or successor["kid"] != kid:
        return document
    entries = []
    for entry in prune(document, now)["signing_keys"]:
        if entry["kid"] == kid:
            entries.append(_signing(entry, now))
        elif entry.get("status", CURRENT) == CURRENT:
            entries.append(_retired(entry, now + keep))
        else:
            entries.append(entry)
    return _with(document, entries)


def prune(document: Document, now: int) -> Document:
    """Drop retired keys whose last token has expired."""
    return _with(
        document, [entry for entry in document["signing_keys"] if entry.get("not_after", now) >= now]
    )


def revoke(document: Document, kid: str, now: int, new_entry: Callable[[], Entry]) -> Document:
    """Remove a key at once; if it was the current one, the next key signs, or a new one.

    :raises TaskError: there is no such key.
    """
    left = [entry for entry in document["signing_keys"] if entry["kid"] != kid]
    if len(left) == len(document["signing_keys"]):
        raise TaskError(f"There is no key {kid}: keys.list shows them.")
    if any(entry.get("status", CURRENT) == CURRENT for entry in left):
        return _with(document, left)
    successor = entry_of(_with(document, left), NEXT) or new_entry()
    others = [entry for entry in left if entry["kid"] != successor["kid"]]
    return _with(document, [*others, _signing(successor, now)])


def public_key_of(entry: Entry) -> PublicKey:
    """Return the public part of a key."""
    try:
        if "pem" in entry:
            return load_private_key(entry["pem"]).public_key()
        return load_public_key(entry["public"])
    except ValueError as error:
        raise TaskError(f"The key {entry['kid']} cannot be read: {error}") from error


def public_pem(key: PublicKey) -> str:
    """Write a public key."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _with(document: Document, entries: list[Entry]) -> Document:
    return {**document, "signing_keys": entries}


def _signing(entry: Entry, now: int) -> Entry:
    return {**entry, "status": CURRENT, "signs_since": now}


def _retired(entry: Entry, not_after: int) -> Entry:
    kept = {name: value for name, value in entry.items() if name in ("kid", "kms")}
    return {**kept, "status": RETIRED, "not_after": not_after, "public": public_pem(public_key_of(entry))}
