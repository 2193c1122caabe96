"""Secrets and keys on moto, as an operator's AWS account would hold them."""

import json
from typing import Any

from botocore.session import get_session
from cryptography.hazmat.primitives.serialization import load_der_public_key

from chalicelib.security.aws import Aws
from tasks.rotation import public_pem

SESSION = get_session()
AWS = Aws(SESSION, "us-east-1")
PARAMETER, SECRET = "/grail/test/secrets", "grail/test/secrets"
SPECS = {"RS256": "RSA_2048", "ES256": "ECC_NIST_P256"}  # moto's KMS knows no Ed25519


def put_parameter(document: Any) -> str:
    """Store a document as a SecureString, and return the setting for it."""
    AWS.client("ssm").put_parameter(
        Name=PARAMETER, Type="SecureString", Value=json.dumps(document), Overwrite=True
    )
    return f"ssm:{PARAMETER}"


def put_secret(document: Any) -> str:
    """Store a document in Secrets Manager, and return the setting for it."""
    manager = AWS.client("secretsmanager")
    text = json.dumps(document)
    try:
        manager.create_secret(Name=SECRET, SecretString=text)
    except manager.exceptions.ResourceExistsException:
        manager.put_secret_value(SecretId=SECRET, SecretString=text)
    return f"secretsmanager:{SECRET}"


def kms_entry(algorithm: str) -> dict[str, Any]:
    """Make a key in KMS, and write it as a document holds it."""
    kms = AWS.client("kms")
    made = kms.create_key(KeySpec=SPECS[algorithm], KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    key: Any = load_der_public_key(kms.get_public_key(KeyId=made["KeyId"])["PublicKey"])
    return {"kid": algorithm, "kms": made["Arn"], "public": public_pem(key)}
