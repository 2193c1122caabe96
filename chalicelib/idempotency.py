"""Idempotency keys: a request that is sent again has one effect, and gets its first answer again.

The answer is kept by the transaction that has the effect, so neither is ever there without the other, and
there is no lock that could be left behind: of two such requests at once, the second one finds the first
one's answer (draft-ietf-httpapi-idempotency-key-header).
"""

import hashlib
import hmac
import json
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from pynamodb.attributes import UnicodeAttribute

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.personal import NOT_PERSONAL
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction
from chalicelib.errors import InvalidValueError, MalformedRequestError

KEPT_FOR = 24 * 3600  # seconds
MAX_LENGTH = 255  # characters
# A string as the draft wants it (RFC 9651 §3.3.3, without escapes), or the bare text that most clients send.
TEXT = re.compile(
    rf'"([ !#-\[\]-~]{{1,{MAX_LENGTH}}})"|([!#-+\--:<-\[\]-~]{{1,{MAX_LENGTH}}})',
)
NONCE_BYTES = 12  # of AES-GCM (NIST SP 800-38D §8.2.2)
MALFORMED = (
    f"Idempotency-Key must be 1 to {MAX_LENGTH} visible ASCII characters, better in double quotes: "
    "send a new UUID with each new request."
)
REUSED = "This Idempotency-Key came with another request before: send each new request with a new key."


class KeptAnswer(Item, discriminator="kept_answer"):
    """What a request was answered; only the key that came with the request opens it.

    `request` is a MAC of the request, `answer` is encrypted.
    """

    personal = NOT_PERSONAL  # as nobody but the caller opens it, nor finds it, for the day that it is kept

    request = UnicodeAttribute()
    answer = UnicodeAttribute()


@dataclass(frozen=True)
class IdempotencyKey:
    """The key of one request of one caller.

    :param secret: what opens the answer: it takes the keyring and the text that the caller sent.
    """

    key: Key
    secret: bytes = field(repr=False)
    request: str

    @classmethod
    def of(cls, header: str, mac_key: bytes, owner: Sequence[str], request: Any) -> Self:
        """Read the header of a request.

        :param mac_key: of the keyring (`Keyring.mac_key`).
        :param owner: who called what; others may send the same text, and mean something else.
        :param request: what is the same when the request is sent again, as JSON has it.
        :raises MalformedRequestError: the header is empty, too long, or has other characters.
        """
        match = TEXT.fullmatch(header.strip())
        if match is None:
            raise MalformedRequestError(MALFORMED)
        name = json.dumps([*owner, match[1] or match[2]]).encode()
        secret = hmac.digest(mac_key, name, hashlib.sha256)
        mac = hmac.new(secret, json.dumps(request, sort_keys=True).encode(), hashlib.sha256)
        return cls(keys.kept_answer(hashlib.sha256(name).hexdigest()), secret, mac.hexdigest())

    def was_answered(self, items: Mapping[Key, Item]) -> bool:
        """Whether this very request was answered before."""
        kept = items.get(self.key)
        return isinstance(kept, KeptAnswer) and hmac.compare_digest(kept.request, self.request)

    def find(self, items: Mapping[Key, Item]) -> Any:
        """Return the answer that was kept; None if the request comes for the first time.

        :raises InvalidValueError: it is the answer to another request.
        """
        kept = items.get(self.key)
        if not isinstance(kept, KeptAnswer):
            return None
        if not self.was_answered(items):
            raise InvalidValueError(REUSED)
        data = urlsafe_b64decode(kept.answer)
        return json.loads(self._cipher().decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], None))

    def keep(self, work: Transaction, answer: Any) -> None:
        """Keep an answer in the transaction of its effect; it fails as stale where there is one already."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._cipher().encrypt(nonce, json.dumps(answer, ensure_ascii=False).encode(), None)
        now, kind = int(time.time()), KeptAnswer
        actions = [
            kind.request.set(self.request),
            kind.answer.set(urlsafe_b64encode(sealed).decode()),
            kind.expires_at.set(now + KEPT_FOR),
            kind.version.set(1),
        ]
        # DynamoDB's TTL may leave one that has expired for days.
        is_free = kind.pk.does_not_exist() | (kind.expires_at <= now)
        work.add(kind.at(self.key), actions, is_free)

    def _cipher(self) -> Any:
        # Imported when a key comes: no other request's cold start pays for it.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - see above

        return AESGCM(hmac.digest(self.secret, b"answer", hashlib.sha256))
