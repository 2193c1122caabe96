"""Keys as JSON Web Keys (RFC 7517): only public members."""

import hashlib
import json
from typing import Any

from jwt import get_algorithm_by_name
from jwt.utils import base64url_encode

from chalicelib.security.signing import EDDSA, ES256, RS256, PublicKey, algorithm_of

# What a public key consists of (RFC 7518 §6, RFC 8037 §2): nothing else is ever published.
MEMBERS = {RS256: ("e", "kty", "n"), ES256: ("crv", "kty", "x", "y"), EDDSA: ("crv", "kty", "x")}


def thumbprint(key: PublicKey) -> str:
    """Return the SHA-256 thumbprint of a key (RFC 7638 §3), which makes a unique key id."""
    text = json.dumps(_members(key), sort_keys=True, separators=(",", ":"))
    return base64url_encode(hashlib.sha256(text.encode()).digest()).decode()


def as_jwk(kid: str, key: PublicKey) -> dict[str, str]:
    """Write a key that verifies signatures."""
    return {"kid": kid, "use": "sig", "alg": algorithm_of(key), **_members(key)}


def _members(key: PublicKey) -> dict[str, str]:
    name = algorithm_of(key)
    algorithm: Any = get_algorithm_by_name(name)
    found: dict[str, Any] = algorithm.to_jwk(key, as_dict=True)
    return {member: str(found[member]) for member in MEMBERS[name]}
