"""Access tokens: JWTs after RFC 9068, signed by the stage's key and checked without any trust in them."""

import base64
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.utils import base64url_encode

from chalicelib.errors import InvalidTokenError
from chalicelib.security.keys import Keyring, SigningKey

TYPE = "at+jwt"  # RFC 9068 §2.1
LEEWAY = 60  # seconds that clocks may differ
MAX_LENGTH = 4096  # characters; ours have about 800
NUMERIC = ("exp", "iat", "nbf", "cv")
TEXT = ("sub", "jti", "client_id", "scope")
OPTIONAL_TEXT = ("registration", "sid", "consent")


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What an access token says.

    :param sub: the user's id; the client's for client_credentials.
    :param owner: the user whose account the token acts for.
    :param credentials_version: the owner's, as it was then: it grows when all tokens of a user must die.
    :param family: the refresh token family that the token came with, if any.
    :param consent: the user's consent that the token rests on, if it came by an authorization code.
    :param exp: seconds since 1970.
    """

    sub: str
    client_id: str
    scopes: frozenset[str]
    owner: str
    credentials_version: int
    client_owner: str
    registration: str | None = None
    family: str | None = None
    consent: str | None = None
    jti: str = ""
    exp: int = 0


def issue(keyring: Keyring, issuer: str, claims: Claims, lifetime: int) -> str:
    """Sign an access token by the current key.

    :param issuer: the public base URL of the stage, audience at the same time.
    :raises ServiceUnavailableError: AWS KMS, which holds the private key, does not answer.
    """
    now = int(time.time())
    payload: dict[str, Any] = {
        "iss": issuer,
        "aud": issuer,
        "sub": claims.sub,
        "exp": now + lifetime,
        "iat": now,
        "nbf": now,
        "jti": secrets.token_urlsafe(16),
        "client_id": claims.client_id,
        "scope": " ".join(sorted(claims.scopes)),
        "cv": claims.credentials_version,
    }
    optional = {
        "owner": claims.owner if claims.owner != claims.sub else None,
        "client_owner": claims.client_owner if claims.client_owner != claims.owner else None,
        "registration": claims.registration,
        "sid": claims.family,
        "consent": claims.consent,
    }
    payload |= {name: value for name, value in optional.items() if value}
    key = keyring.current
    # Put together here, since PyJWT signs only by keys that it holds (RFC 7515 §5.1).
    signing_input = b".".join(map(_encode, ({"alg": key.algorithm, "typ": TYPE, "kid": key.kid}, payload)))
    return (signing_input + b"." + base64url_encode(key.sign(signing_input))).decode()


def _encode(part: dict[str, Any]) -> bytes:
    return base64url_encode(json.dumps(part, separators=(",", ":")).encode())


def verify(keyring: Keyring, issuer: str, token: str) -> Claims:
    """Check an access token's form, signature and claims; what the table says of it is not asked here.

    :raises InvalidTokenError: for any flaw, without saying which.
    """
    if len(token) > MAX_LENGTH:
        raise InvalidTokenError
    try:
        _check_canonical(token)
        key = _key_of(keyring, jwt.get_unverified_header(token))
        payload = jwt.decode(
            token,
            key.public_key,
            algorithms=[key.algorithm],
            audience=issuer,
            issuer=issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "iat", "nbf", "iss", "aud"]},
        )
    except (jwt.InvalidTokenError, ValueError, TypeError, RecursionError) as error:
        raise InvalidTokenError from error
    return _claims(payload)


def _check_canonical(token: str) -> None:
    # Decoders ignore padding, strange characters, and bits to spare in the last one: one token, one spelling
    # (RFC 7515 §2).
    for part in token.split("."):
        decoded = base64.urlsafe_b64decode(part + "==")  # what is more than needed is ignored
        if base64.urlsafe_b64encode(decoded).decode().rstrip("=") != part:
            raise InvalidTokenError


def _key_of(keyring: Keyring, header: dict[str, Any]) -> SigningKey:
    kind, kid = header.get("typ"), header.get("kid")
    # `crit` names extensions that must be understood (RFC 7515 §4.1.11): we understand none.
    if "crit" in header or not isinstance(kind, str) or not isinstance(kid, str):
        raise InvalidTokenError
    key = keyring.find(kid)
    if key is None or kind.lower().removeprefix("application/") != TYPE:
        raise InvalidTokenError
    if header.get("alg") != key.algorithm:
        raise InvalidTokenError
    return key


def _claims(payload: dict[str, Any]) -> Claims:
    # PyJWT takes strings and floats for times, and a list that contains the audience.
    if any(type(payload.get(name)) is not int for name in NUMERIC):
        raise InvalidTokenError
    if any(not isinstance(payload.get(name), str) for name in (*TEXT, "aud")):
        raise InvalidTokenError
    owner = payload.get("owner", payload["sub"])
    client_owner = payload.get("client_owner", owner)
    if not isinstance(owner, str) or not isinstance(client_owner, str):
        raise InvalidTokenError
    if any(not isinstance(payload.get(name), str | None) for name in OPTIONAL_TEXT):
        raise InvalidTokenError
    return Claims(
        sub=payload["sub"],
        client_id=payload["client_id"],
        scopes=frozenset(payload["scope"].split()),
        owner=owner,
        credentials_version=payload["cv"],
        client_owner=client_owner,
        registration=payload.get("registration"),
        family=payload.get("sid"),
        consent=payload.get("consent"),
        jti=payload["jti"],
        exp=payload["exp"],
    )
