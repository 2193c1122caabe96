"""The secrets of a stage: made once where a developer works, demanded everywhere else."""

import json
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from jwt import PyJWK

from chalicelib.security.keys import CURRENT, NEXT, RETIRED, Keyring, new_entry, new_secrets
from chalicelib.security.keystore import create_file, open_keystore
from chalicelib.security.signing import thumbprint
from chalicelib.settings import Settings, SettingsError
from tasks.rotation import public_pem

GOOD = new_secrets()
PURPOSES = ("cursor", "refresh token", "ticket", "username")
PEM: str = GOOD["signing_keys"][0]["pem"]
PUBLIC = (
    load_pem_private_key(PEM.encode(), None)
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


def pem_of(key: Any) -> str:
    """Write a private key as the stage's secrets hold it."""
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return text.decode()


def load_keyring(settings: Settings) -> Keyring:
    """Read the secrets as a start does."""
    return open_keystore(settings, Session()).keyring()


def load(folder: Path, document: Any) -> Keyring:
    """Load a document of secrets as a deployed stage."""
    path = folder / "secrets.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return load_keyring(Settings(stage="prod", secrets=f"file:{path}"))


def with_key(pem: Any, kid: Any = "a") -> dict[str, Any]:
    """A document with one key."""
    return {**GOOD, "signing_keys": [{"kid": kid, "pem": pem}]}


def more(entry: dict[str, Any]) -> dict[str, Any]:
    """A document with one key more."""
    return {**GOOD, "signing_keys": [*GOOD["signing_keys"], entry]}


def test_a_local_stage_makes_its_own_once(tmp_path: Path) -> None:
    """The first run creates the secrets, readable only by their owner; the next ones keep them."""
    path = tmp_path / "new" / "folder" / "secrets.json"
    settings = Settings(stage="local", secrets=f"file:{path}")
    kids = [load_keyring(settings).current.kid for _ in range(2)]
    assert (kids[0], stat.S_IMODE(path.stat().st_mode)) == (kids[1], 0o600)
    assert [entry.name for entry in path.parent.iterdir()] == ["secrets.json"]


def test_a_file_of_secrets_is_never_replaced_by_accident(tmp_path: Path) -> None:
    """Creating a file reports whether it was new."""
    path = tmp_path / "secrets.json"
    assert [create_file(path, {"made": number}) for number in (1, 2)] == [True, False]
    assert json.loads(path.read_text()) == {"made": 1}


def test_processes_that_start_at_once_share_their_secrets(tmp_path: Path) -> None:
    """The first writer decides."""
    settings = Settings(stage="local", secrets=f"file:{tmp_path / 'secrets.json'}")
    with ThreadPoolExecutor(4) as pool:
        rings = list(pool.map(load_keyring, [settings] * 4))
    assert len({(ring.current.kid, ring.mac_secret) for ring in rings}) == 1


def test_new_secrets_are_new() -> None:
    """Two stages share neither a key nor a key id nor the secret for MACs."""
    other = new_secrets()
    assert other["signing_keys"][0].values() != GOOD["signing_keys"][0].values()
    assert (other["mac_secret"] == GOOD["mac_secret"], len(GOOD["mac_secret"]) >= 64) == (False, True)


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_deployed_stage_refuses_to_start_without_secrets(tmp_path: Path, stage: str) -> None:
    """Absent means refuse to start, and nothing is made up."""
    path = tmp_path / "secrets.json"
    for settings in (Settings(stage=stage), Settings(stage=stage, secrets=f"file:{path}")):
        with pytest.raises(SettingsError):
            load_keyring(settings)
    assert not path.exists()


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (rsa.generate_private_key(65537, 2048), "RS256"),
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    ],
    ids=["RSA", "P-256", "Ed25519"],
)
def test_the_key_decides_the_algorithm(tmp_path: Path, key: Any, algorithm: str) -> None:
    """RS256 by default, ES256 and EdDSA by configuration of the key."""
    assert load(tmp_path, with_key(pem_of(key))).current.algorithm == algorithm


UNUSABLE_KEYS: dict[str, Any] = {
    "P-384": lambda: pem_of(ec.generate_private_key(ec.SECP384R1())),
    "secp256k1": lambda: pem_of(ec.generate_private_key(ec.SECP256K1())),
    "Ed448": lambda: pem_of(ed448.Ed448PrivateKey.generate()),
    "X25519": lambda: pem_of(x25519.X25519PrivateKey.generate()),
    "DSA": lambda: pem_of(dsa.generate_private_key(2048)),
    "RSA of 1024 bits": lambda: pem_of(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - it is to be refused
    "public key": lambda: (
        rsa.generate_private_key(65537, 2048)
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode()
    ),
    "encrypted key": lambda: (
        ed25519.Ed25519PrivateKey.generate()
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
        .decode()
    ),
    "half a key": lambda: PEM[: len(PEM) // 2],
    "empty": lambda: "",
    "a placeholder": lambda: "changeme",
    "a number": lambda: 5,
    "null": lambda: None,
}


@pytest.mark.parametrize("pem", UNUSABLE_KEYS.values(), ids=UNUSABLE_KEYS.keys())
def test_an_unusable_key_stops_the_start(tmp_path: Path, pem: Any) -> None:
    """RSA from 2048 bits, P-256 and Ed25519 sign, nothing weaker and nothing else."""
    with pytest.raises(SettingsError):
        load(tmp_path, with_key(pem()))


BAD_DOCUMENTS: dict[str, Any] = {
    "empty file": "",
    "not JSON": "{",
    "not UTF-8": '"\\ud800"',
    "null": "null",
    "a list": [],
    "empty": {},
    "no signing keys": {**GOOD, "signing_keys": []},
    "signing keys null": {**GOOD, "signing_keys": None},
    "signing keys an object": {**GOOD, "signing_keys": {"a": PEM}},
    "key without kid": {**GOOD, "signing_keys": [{"pem": PEM}]},
    "key without pem": {**GOOD, "signing_keys": [{"kid": "a"}]},
    "kid a number": with_key(PEM, 5),
    "kid a list": with_key(PEM, ["a"]),
    "kid null": with_key(PEM, None),
    "kid empty": with_key(PEM, ""),
    "kid twice": more({"kid": GOOD["signing_keys"][0]["kid"], "pem": PEM, "status": NEXT}),
    "two current keys": more({"kid": "a", "pem": PEM}),
    "no current key": {**GOOD, "signing_keys": [{"kid": "a", "pem": PEM, "status": NEXT}]},
    "unknown status": more({"kid": "a", "pem": PEM, "status": "x"}),
    "retired without an end": more({"kid": "a", "pem": PEM, "status": RETIRED}),
    "current with an end": {**GOOD, "signing_keys": [{"kid": "a", "pem": PEM, "not_after": 1}]},
    "current without private part": {**GOOD, "signing_keys": [{"kid": "a", "public": PUBLIC}]},
    "next without private part": more({"kid": "a", "public": PUBLIC, "status": NEXT}),
    "kms without public key": {**GOOD, "signing_keys": [{"kid": "a", "kms": "key"}]},
    "kms a number": {**GOOD, "signing_keys": [{"kid": "a", "kms": 5, "public": PUBLIC}]},
    "no mac secret": {"signing_keys": GOOD["signing_keys"]},
    "mac secret empty": {**GOOD, "mac_secret": ""},
    "mac secret short": {**GOOD, "mac_secret": "00"},
    "mac secret not hexadecimal": {**GOOD, "mac_secret": "z" * 64},
    "mac secret a number": {**GOOD, "mac_secret": 5},
}


@pytest.mark.parametrize("document", BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS.keys())
def test_a_bad_document_stops_the_start(tmp_path: Path, document: Any) -> None:
    """Behaviour 33: key ids are unique, and what is missing is not made up."""
    with pytest.raises(SettingsError):
        load(tmp_path, document)


WEAK_KEYS: dict[str, Any] = {
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "Ed448": ed448.Ed448PrivateKey.generate(),
    "RSA of 1024 bits": rsa.generate_private_key(65537, 1024),  # noqa: S505 - it is to be refused
}


@pytest.mark.parametrize("key", WEAK_KEYS.values(), ids=WEAK_KEYS.keys())
def test_a_weak_public_key_stops_the_start(tmp_path: Path, key: Any) -> None:
    """A key that may not sign may not verify, either."""
    entry = {"kid": "a", "public": public_pem(key.public_key()), "status": RETIRED}
    with pytest.raises(SettingsError):
        load(tmp_path, more({**entry, "not_after": int(time.time()) + 60}))


@pytest.mark.parametrize("status", [NEXT, CURRENT])
def test_a_new_key_has_the_status_it_is_made_for(status: str) -> None:
    """A key that is published in advance must not sign by mistake."""
    assert new_entry(ed25519.Ed25519PrivateKey.generate(), status)["status"] == status


# RFC 7638 §3.1, RFC 8037 appendix A.3
MODULUS = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3ok"
    "njhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu"
    "6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8a"
    "wapJzKnqDKgw"
)
THUMBPRINTS = [
    ({"kty": "RSA", "n": MODULUS, "e": "AQAB"}, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
    (
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    ),
]


@pytest.mark.parametrize(("jwk", "expected"), THUMBPRINTS, ids=["RSA", "Ed25519"])
def test_a_key_s_id_is_its_thumbprint(jwk: dict[str, str], expected: str) -> None:
    """RFC 7638 §3.1, RFC 8037 A.3: the same key has the same id everywhere."""
    assert thumbprint(PyJWK({"alg": "RS256" if "n" in jwk else "EdDSA", **jwk}).key) == expected


def test_a_refusal_shows_no_secret(tmp_path: Path) -> None:
    """Behaviour 56: the error that stops a start holds neither a key nor the path of the file."""
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, {**GOOD, "mac_secret": "not hexadecimal"})
    assert [text for text in (PEM[60:100], str(tmp_path)) if text in str(caught.value)] == []


def test_a_document_may_hold_the_captcha_s_secret(tmp_path: Path) -> None:
    """One document for all that a stage keeps secret."""
    found = [load(tmp_path, {**GOOD, **more}).recaptcha_secret for more in ({}, {"recaptcha_secret": "s"})]
    assert found == [None, "s"]


def test_the_secret_of_a_distribution_cannot_be_guessed(tmp_path: Path) -> None:
    """By it, callers would choose the address that they are counted under."""
    assert load(tmp_path, GOOD).edge_secret is None
    assert load(tmp_path, {**GOOD, "edge_secret": 32 * "e"}).edge_secret == 32 * "e"
    for flaw in (31 * "e", "", 7):
        with pytest.raises(SettingsError):
            load(tmp_path, {**GOOD, "edge_secret": flaw})


def test_the_current_key_signs_and_all_are_known(tmp_path: Path) -> None:
    """Behaviour 33: during a rotation the next key is there before it signs, and the one before after it."""
    soon, ended = int(time.time()) + 60, int(time.time()) - 1
    others: list[dict[str, Any]] = [
        {"kid": "ended", "public": PUBLIC, "status": RETIRED, "not_after": ended},
        {"kid": "old", "public": PUBLIC, "status": RETIRED, "not_after": soon},
        {"kid": "next", "pem": pem_of(ed25519.Ed25519PrivateKey.generate()), "status": NEXT},
    ]
    document = with_key(PEM, "current")
    ring = load(tmp_path, {**document, "signing_keys": others + document["signing_keys"]})
    assert ring.current.kid == "current"
    assert [key.kid for key in ring.published] == ["old", "next", "current"]
    asked = ("ended", "old", "next", "current", "none")
    assert [kid for kid in asked if ring.find(kid)] == ["old", "next", "current"]


def test_each_purpose_has_a_mac_key_of_its_own(tmp_path: Path) -> None:
    """RFC 5869: none of the derived keys reveals anything about the others."""
    ring = load(tmp_path, GOOD)
    found = {purpose: ring.mac_key(purpose) for purpose in PURPOSES}
    assert len({ring.mac_secret, *found.values()}) == len(PURPOSES) + 1
    for purpose, key in found.items():
        assert HKDF(hashes.SHA256(), 32, None, purpose.encode()).derive(ring.mac_secret) == key
        assert ring.mac_key(purpose) is key


def test_the_former_name_of_the_mac_secret_is_read(tmp_path: Path) -> None:
    """A local stage that was started by an earlier version starts."""
    former = {"signing_keys": GOOD["signing_keys"], "cursor_key": GOOD["mac_secret"]}
    assert load(tmp_path, former).mac_secret == load(tmp_path, GOOD).mac_secret


def test_a_keyring_does_not_print_its_secrets(tmp_path: Path) -> None:
    """Behaviour 56: what ends in a log by accident names keys, and shows none."""
    ring = replace(load(tmp_path, GOOD), recaptcha_secret="a captcha secret")
    keys = [repr(ring.mac_key(purpose)) for purpose in PURPOSES]
    hidden = [*keys, "PrivateKey", "a captcha secret", GOOD["mac_secret"], repr(ring.mac_secret)]
    assert [text for text in hidden if text in repr(ring)] == []
