"""Signatures: by a private key in this process, and by one that only AWS KMS has."""

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from chalicelib.errors import ServiceUnavailableError
from chalicelib.security.aws import Aws
from chalicelib.security.keys import CURRENT, Keyring, new_entry, new_secrets, read_keyring
from chalicelib.security.signing import KmsSigner
from chalicelib.security.tokens import Claims, issue, verify
from tasks.rotation import public_pem
from tests.faults import Forward, Sent, Wired, lose, refusal, wire
from tests.security.cloud import AWS, SESSION, kms_entry

ISSUER = "https://api.test"
CLAIMS = Claims(
    sub="USER",
    client_id="client",
    scopes=frozenset({"a", "b"}),
    owner="USER",
    client_owner="USER",
    credentials_version=3,
)
LOCAL: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def ring_of(entry: dict[str, Any]) -> Keyring:
    """The keyring of a document with one key."""
    return read_keyring(json.dumps(new_secrets(entry)), AWS)


def accepted(ring: Keyring, algorithm: str) -> dict[str, Any]:
    """Issue a token, and return its claims as an independent library reads them."""
    token = issue(ring, ISSUER, CLAIMS, 60)
    assert jwt.get_unverified_header(token)["alg"] == algorithm
    assert verify(ring, ISSUER, token).sub == "USER"
    claims: dict[str, Any] = jwt.decode(token, ring.current.public_key, [algorithm], audience=ISSUER)
    return claims


@pytest.mark.parametrize("algorithm", LOCAL)
def test_a_key_of_the_document_signs(algorithm: str) -> None:
    """Behaviour 12: the key's type decides the algorithm."""
    assert accepted(ring_of(new_entry(LOCAL[algorithm], CURRENT)), algorithm)["sub"] == "USER"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_key_of_kms_signs(algorithm: str) -> None:
    """KMS signs, and the signature has the format of JWS (ECDSA: r and s, not DER)."""
    assert accepted(ring_of(kms_entry(algorithm)), algorithm)["client_id"] == "client"


def kms_with(key: ed25519.Ed25519PrivateKey, requests: list[dict[str, Any]]) -> Any:
    """Stand in for KMS where moto does not know Ed25519."""

    def rule(sent: Sent, forward: Forward) -> Wired:
        requests.append(sent.body)
        signature = key.sign(base64.b64decode(sent.body["Message"]))
        answer = {"KeyId": sent.body["KeyId"], "Signature": base64.b64encode(signature).decode()}
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer)

    return rule


def test_an_ed25519_key_of_kms_signs() -> None:
    """RFC 8037 §3.1: pure Ed25519 over the message itself, which KMS calls ED25519_SHA_512 and RAW."""
    key, requests = LOCAL["EdDSA"], list[dict[str, Any]]()
    ring = ring_of({"kid": "d", "kms": "key", "public": public_pem(key.public_key())})
    with wire(kms_with(key, requests)):
        assert accepted(ring, "EdDSA")["sub"] == "USER"
    found = [(sent["SigningAlgorithm"], sent["MessageType"]) for sent in requests]
    assert found == [("ED25519_SHA_512", "RAW")]


def test_a_signature_takes_one_request_and_a_verification_none() -> None:
    """The public key is in the document, so KMS is asked only for signatures."""
    ring = ring_of(kms_entry("RS256"))
    with wire() as sent:
        token = issue(ring, ISSUER, CLAIMS, 60)
        assert [request.operation for request in sent] == ["Sign"]
        verify(ring, ISSUER, token)
        assert len(sent) == 1


@pytest.mark.parametrize("fault", [lose, lambda: refusal("KMSInternalException", 500)], ids=["lost", "500"])
@pytest.mark.usefixtures("no_sleep")
def test_a_fault_of_kms_is_503(fault: Any) -> None:
    """Behaviour 57: bounded retries, then 503 with Retry-After."""
    ring = ring_of(kms_entry("ES256"))
    with wire(lambda _, __: fault()) as sent, pytest.raises(ServiceUnavailableError) as caught:
        issue(ring, ISSUER, CLAIMS, 60)
    assert (caught.value.headers["Retry-After"], len(sent)) == ("1", 2)


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the waits between retries."""
    monkeypatch.setattr("time.sleep", lambda _: None)


def test_waits_for_kms_are_short() -> None:
    """Behaviour 58: two attempts of at most 3 s each, well below the function's 15 s."""
    config = Aws(SESSION, "us-east-1").client("kms").meta.config
    seconds = config.connect_timeout + config.read_timeout
    assert seconds * config.retries["total_max_attempts"] <= 6


def test_aws_is_asked_in_the_stage_s_region() -> None:
    """Whatever region the environment names."""
    assert Aws(SESSION, "eu-central-1").client("kms").meta.region_name == "eu-central-1"


def test_no_client_is_made_before_it_is_needed() -> None:
    """Cold starts: signing with the document's own keys needs no request to AWS."""
    aws = Aws(SESSION, "us-east-1")
    text = json.dumps(new_secrets(kms_entry("RS256")))
    signer = read_keyring(text, aws).current.signer
    assert isinstance(signer, KmsSigner)
    assert aws._clients == {}
