"""The JWK Set: what other services verify access tokens with, and nothing that could sign one."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwk, jws
from joserfc import jwt as joserfc_jwt

import app as application
from chalicelib.security.keys import CURRENT, NEXT, RETIRED, new_entry, new_secrets, read_keyring
from chalicelib.security.keystore import Source
from chalicelib.users.models import User
from tasks.rotation import public_key_of, public_pem
from tests.http import Client
from tests.security.cloud import AWS
from tests.target import base_url

JWKS = "/.well-known/jwks.json"
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
ALGORITHMS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
ENTRIES = {name: new_entry(key, CURRENT) for name, key in ALGORITHMS.items()}


def retired(entry: dict[str, Any], not_after: int) -> dict[str, Any]:
    """A key as it stands in the document after it signed."""
    public = public_pem(public_key_of(entry))
    return {"kid": entry["kid"], "status": RETIRED, "not_after": not_after, "public": public}


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replace the application's signing keys."""

    def use_keys(*entries: dict[str, Any]) -> None:
        keyring = read_keyring(json.dumps({**new_secrets(ENTRIES["EdDSA"]), "signing_keys": entries}), AWS)
        monkeypatch.setattr(
            application.api.keystore, "_copy", replace(application.api.keystore._copy, keyring=keyring)
        )

    return use_keys


def test_published_are_the_next_the_current_and_the_ones_before(
    api: Client, use: Callable[..., None]
) -> None:
    """Behaviour 33: the key of every valid token is published; a key whose last token has expired is not."""
    gone = retired(new_entry(ed25519.Ed25519PrivateKey.generate(), CURRENT), 1)
    use(retired(ENTRIES["RS256"], 2**33), ENTRIES["ES256"], {**ENTRIES["EdDSA"], "status": NEXT}, gone)
    found = api("GET", JWKS).json["keys"]
    assert {key["alg"]: key["kid"] for key in found} == {
        name: entry["kid"] for name, entry in ENTRIES.items()
    }


def test_the_set_holds_public_members_alone(api: Client, use: Callable[..., None]) -> None:
    """Behaviour 33: no private members, unique kids, and what a verifier needs (RFC 7517 §4)."""
    use(ENTRIES["RS256"], *({**ENTRIES[name], "status": NEXT} for name in ("ES256", "EdDSA")))
    found = {key["kty"]: key for key in api("GET", JWKS).json["keys"]}
    common = {"kid", "kty", "use", "alg"}
    assert {kind: set(key) - common for kind, key in found.items()} == {
        "RSA": {"n", "e"},
        "EC": {"crv", "x", "y"},
        "OKP": {"crv", "x"},
    }
    assert [key for key in found.values() if not common <= set(key) or PRIVATE & set(key)] == []
    assert {key["use"] for key in found.values()} == {"sig"}
    assert len({key["kid"] for key in found.values()}) == 3


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_key_ids_are_thumbprints(api: Client, use: Callable[..., None], algorithm: str) -> None:
    """RFC 7638: two keys can't share an id; a library which knows nothing of us computes the same one."""
    use(ENTRIES[algorithm])
    found = api("GET", JWKS).json["keys"][0]
    assert jwk.import_key(found).thumbprint() == found["kid"]


def test_caches_may_keep_it_for_the_cache_time(api: Client) -> None:
    """Behaviour 33: a rotation waits for that time; an unchanged set is recognized by its ETag."""
    answer = api("GET", JWKS)
    assert answer.headers["cache-control"] == f"public, max-age={application.settings.secrets_cache}"
    assert answer.headers["content-type"] == "application/json"
    again = api("GET", JWKS, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_a_bad_token_is_ignored(api: Client) -> None:
    """The well-known documents look at no token."""
    assert api("GET", JWKS, token="rubbish").status == 200


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_joserfc_verifies_access_tokens(
    api: Client,
    use: Callable[..., None],
    user: User,
    sign_in: Callable[..., dict[str, Any]],
    algorithm: str,
) -> None:
    """Joserfc verifies a token against the JWK Set as RFC 9068 §4 demands."""
    use(ENTRIES[algorithm])
    token = sign_in()["access_token"]
    keys = jwk.KeySet.import_key_set(api("GET", JWKS).json)
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=True)
    found = joserfc_jwt.decode(token, keys, registry=registry)
    assert (found.header["typ"], found.header["alg"]) == ("at+jwt", algorithm)
    demanded = {"exp", "iat", "sub", "client_id", "jti"}
    joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": base_url()},
        aud={"essential": True, "value": base_url()},
        **{name: {"essential": True} for name in demanded},  # type: ignore[arg-type]  # claims by any name
    ).validate(found.claims)
    assert found.claims["sub"] == user.id


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pyjwt_verifies_access_tokens(
    api: Client,
    use: Callable[..., None],
    user: User,
    sign_in: Callable[..., dict[str, Any]],
    algorithm: str,
) -> None:
    """PyJWT, which most Python services use, verifies it too."""
    use(ENTRIES[algorithm])
    token, found = sign_in()["access_token"], api("GET", JWKS).json
    key = jwt.PyJWKSet.from_dict(found)[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key.key, [algorithm], audience=base_url(), issuer=base_url())
    assert claims["sub"] == user.id


def test_a_document_that_cannot_be_read_for_too_long_is_503(
    api: Client, token_for: Callable[..., str], user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail closed; operations that need no key still work."""
    token = token_for(user)
    keys = application.api.keystore
    old = replace(keys._copy.read, wall=0.0)
    monkeypatch.setattr(keys, "_copy", replace(keys._copy, read=old))
    monkeypatch.setattr(keys, "_source", Source("none", Path("/none/secrets.json").read_text))
    monkeypatch.setattr(keys, "_failure", None)
    for answer in (api("GET", JWKS), api("GET", "/api/v1/users/me", token=token)):
        assert (answer.status, int(answer.headers["retry-after"]) > 0) == (503, True)
    assert api("GET", "/health").status == 200
