"""Access tokens by themselves: issued by the current key, verified by every key of the ring."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key

from chalicelib.errors import InvalidTokenError
from chalicelib.security.keys import RETIRED, Keyring, SigningKey
from chalicelib.security.signing import LocalSigner, PrivateKey
from chalicelib.security.tokens import Claims, issue, verify

ISSUER = "https://api.test"


def signing_key(kid: str, private_key: PrivateKey) -> SigningKey:
    """A key that is held in this process."""
    return SigningKey(kid, private_key.public_key(), LocalSigner(private_key))


KEYS = {
    "RS256": signing_key("r", generate_rsa_key(65537, 2048)),
    "ES256": signing_key("e", generate_ec_key(SECP256R1())),
    "EdDSA": signing_key("d", Ed25519PrivateKey.generate()),
}
CLAIMS = Claims(
    sub="USER",
    client_id="client",
    scopes=frozenset({"a:read", "b"}),
    owner="USER",
    client_owner="USER",
    credentials_version=3,
)


def ring(*names: str) -> Keyring:
    """A keyring with these keys: the first one signs, the others did before."""
    keys = [KEYS[names[0]], *(replace(KEYS[name], status=RETIRED) for name in names[1:])]
    return Keyring({key.kid: key for key in keys}, b"0" * 32)


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize(
    "claims",
    [
        CLAIMS,
        replace(CLAIMS, sub="client"),
        replace(CLAIMS, client_owner="DEVELOPER", registration="REGISTRATION"),
        replace(CLAIMS, family="FAMILY"),
        replace(CLAIMS, family="FAMILY", consent="CONSENT"),
        replace(CLAIMS, scopes=frozenset()),
    ],
    ids=["user", "client", "client of somebody", "family", "consent", "no scopes"],
)
def test_what_was_issued_is_what_is_read(name: str, claims: Claims) -> None:
    """Each kind of key carries each kind of token."""
    found = verify(ring(name), ISSUER, issue(ring(name), ISSUER, claims, 60))
    assert replace(found, jti="", exp=0) == claims


@pytest.mark.parametrize("name", KEYS)
def test_the_header_names_key_type_and_algorithm(name: str) -> None:
    """Behaviour 16: at+jwt, and nothing superfluous in the header."""
    header = jwt.get_unverified_header(issue(ring(name), ISSUER, CLAIMS, 60))
    assert header == {"alg": name, "kid": KEYS[name].kid, "typ": "at+jwt"}


def test_each_token_has_an_id_of_its_own() -> None:
    """Behaviour 19: the denylist goes by jti."""
    tokens = [issue(ring("EdDSA"), ISSUER, CLAIMS, 60) for _ in range(20)]
    assert len({verify(ring("EdDSA"), ISSUER, token).jti for token in tokens}) == 20


def test_the_first_key_signs_and_older_ones_verify() -> None:
    """Behaviour 33: a token of the key before lives on while that key is in the ring."""
    old = issue(ring("RS256"), ISSUER, CLAIMS, 60)
    rotated = ring("ES256", "RS256")
    fresh = issue(rotated, ISSUER, CLAIMS, 60)
    assert jwt.get_unverified_header(fresh)["kid"] == "e"
    assert [verify(rotated, ISSUER, token).sub for token in (old, fresh)] == ["USER", "USER"]


def test_a_key_that_was_removed_verifies_nothing() -> None:
    """Behaviour 33: emergency removal of a key ends its tokens."""
    token = issue(ring("RS256"), ISSUER, CLAIMS, 60)
    with pytest.raises(InvalidTokenError):
        verify(ring("ES256"), ISSUER, token)


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("other", KEYS)
def test_a_token_under_another_keys_id_is_refused(name: str, other: str) -> None:
    """Behaviour 12, 13: neither the algorithm nor the key is the token's to choose."""
    stranger = signing_key(KEYS[other].kid, Ed25519PrivateKey.generate()) if name == other else KEYS[name]
    token = issue(Keyring({"x": replace(stranger, kid=KEYS[other].kid)}, b""), ISSUER, CLAIMS, 60)
    with pytest.raises(InvalidTokenError):
        verify(ring(*KEYS), ISSUER, token)


@pytest.mark.parametrize(
    "issuer", ["https://api.test/", "https://api.tes", "https://other.test", "", "HTTPS://API.TEST"]
)
def test_a_token_of_another_stage_is_refused(issuer: str) -> None:
    """Behaviour 14: issuer and audience are this stage's, to the letter."""
    token = issue(ring("EdDSA"), issuer, CLAIMS, 60)
    with pytest.raises(InvalidTokenError):
        verify(ring("EdDSA"), ISSUER, token)


def test_a_token_of_unreasonable_length_is_refused_unread() -> None:
    """Behaviour 13: over 4096 characters, even if it were ours."""
    token = issue(ring("EdDSA"), ISSUER, replace(CLAIMS, scopes=frozenset({"s" * 4096})), 60)
    with pytest.raises(InvalidTokenError):
        verify(ring("EdDSA"), ISSUER, token)


@pytest.mark.parametrize(
    "decorate",
    [
        lambda token: token + "==",
        lambda token: token.replace(".", "=.", 1),
        lambda token: token + "\n",
        lambda token: " " + token,
        lambda token: token.replace(".", ".!", 1),
        lambda token: token + ".",
        lambda token: token + ".AAAA",
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: token + "é",
        lambda token: token[:-1] + chr(ord(token[-1]) + 1),
    ],
)
def test_a_token_has_one_spelling(decorate: Callable[[str], str]) -> None:
    """Behaviour 19: characters that decoders ignore make a token invalid."""
    token = issue(ring("EdDSA"), ISSUER, CLAIMS, 60)
    verify(ring("EdDSA"), ISSUER, token)
    with pytest.raises(InvalidTokenError):
        verify(ring("EdDSA"), ISSUER, decorate(token))


@pytest.mark.parametrize("lifetime", [-61, -3600])
def test_an_expired_token_is_refused(lifetime: int) -> None:
    """Behaviour 15: 60 s of leeway, no more."""
    token = issue(ring("EdDSA"), ISSUER, CLAIMS, lifetime)
    with pytest.raises(InvalidTokenError):
        verify(ring("EdDSA"), ISSUER, token)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": float("inf")},
        {"nbf": float("inf")},
        {"iat": float("-inf")},
        {"iat": float("nan")},
        {"sub": None},
        {"cv": True},
        {"sid": []},
        {"consent": []},
        {"owner": {}},
        {"client_owner": None},
        {"registration": 1},
        {"scope": 1},
    ],
)
def test_claims_that_make_no_sense_are_refused_without_any_other_error(changes: dict[str, Any]) -> None:
    """Behaviour 15: whatever a claim holds, the caller gets one and the same refusal."""
    good = jwt.decode(issue(ring("EdDSA"), ISSUER, CLAIMS, 60), options={"verify_signature": False})
    key = KEYS["EdDSA"]
    headers = {"typ": "at+jwt", "kid": key.kid}
    # Signed from text: PyJWT itself refuses to encode some of these.
    assert isinstance(key.signer, LocalSigner)
    payload = json.dumps(good | changes).encode()
    token = jwt.PyJWS().encode(payload, key.signer.private_key, "EdDSA", headers=headers)
    with pytest.raises(InvalidTokenError):
        verify(ring("EdDSA"), ISSUER, token)
