"""Keys in SSM, Secrets Manager and KMS, over HTTP and by several operators at once: what moto can't show."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cryptography
import jwt
import pytest
from botocore.session import Session

from chalicelib.security.aws import Aws
from chalicelib.security.keys import read_keyring
from chalicelib.security.keystore import open_keystore
from chalicelib.security.signing import KmsSigner
from chalicelib.security.tokens import Claims, issue, verify
from chalicelib.settings import Settings
from tasks import engine, keys
from tasks.processes import LOOPBACK, Child
from tasks.rotation import Document
from tasks.secret_stores import Store, store_of
from tests.ports import free_port

ISSUER = "https://api.test"
CLAIMS = Claims(
    sub="U", client_id="c", scopes=frozenset(), owner="U", client_owner="U", credentials_version=1
)
OPERATORS, CHANGES = 4, 5
SOURCES = ["ssm:/grail/dev/secrets", "secretsmanager:grail/dev/secrets"]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The three services, each request to which is answered by itself; yields their address."""
    folder, port = tmp_path_factory.mktemp("services"), free_port()
    python = engine.installed_python()
    settings = {"BIND_HOST": LOOPBACK, "GATEWAY_PORT": str(port), "SERVICES": "ssm,secretsmanager,kms"}
    more = {"TMPDIR": str(folder), "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "LOG_LEVEL": "WARNING"}
    # KMS wants cryptography, which is not among what the engine is installed with: it takes this project's.
    paths = [str(Path(cryptography.__file__).parents[1])]
    start = f"import sys; sys.path += {paths}; sys.argv = sys.argv[:1]; from ministack import app; app.main()"
    with (folder / "log").open("wb") as log:
        child = Child("services", [str(python), "-P", "-c", start], {**os.environ, **settings, **more}, log)
    engine.wait_until_ready(child, port, folder / "log")
    yield f"http://{LOOPBACK}:{port}"
    child.stop()


@pytest.fixture(params=SOURCES)
def stage(request: pytest.FixtureRequest, services: str, monkeypatch: pytest.MonkeyPatch) -> keys.Stage:
    """A stage without keys, in each of the services."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", services)
    settings = Settings(stage="dev", secrets=request.param, secrets_cache=1, access_token_lifetime=5)
    aws = Aws(Session(), settings.region)
    aws.client("ssm").delete_parameters(Names=["/grail/dev/secrets"])
    if aws.client("secretsmanager").list_secrets()["SecretList"]:
        aws.client("secretsmanager").delete_secret(
            SecretId="grail/dev/secrets", ForceDeleteWithoutRecovery=True
        )
    return keys.Stage(settings, aws, store_of(settings, aws))


def operator(stage: keys.Stage) -> Store:
    """Another operator, with separate clients."""
    return store_of(stage.settings, Aws(Session(), stage.settings.region))


@pytest.mark.slow
def test_of_many_changes_at_once_none_is_lost(stage: keys.Stage) -> None:
    """Two rotations at once must not lose a key: every change of every operator is there."""
    keys.generate(stage, "EdDSA")
    stores = [operator(stage) for _ in range(OPERATORS)]

    def change(number: int) -> list[str]:
        done = []
        for turn in range(CHANGES):
            name = f"{number}-{turn}"

            def edit(document: Document, name: str = name) -> Document:
                return {**document, name: True}

            stores[number].change(edit)
            done.append(name)
        return done

    with ThreadPoolExecutor(OPERATORS) as pool:
        made = [name for names in pool.map(change, range(OPERATORS)) for name in names]
    assert (len(made), set(made) - stage.read().keys()) == (OPERATORS * CHANGES, set())


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_keys_of_kms_from_birth_to_emergency(stage: keys.Stage, algorithm: str) -> None:
    """All three algorithms in KMS, rotated and revoked, with tokens that anybody can verify."""
    keys.generate(stage, algorithm, kms=True)
    store = open_keystore(stage.settings, Session())
    first = store.keyring().current
    token = issue(store.keyring(), ISSUER, CLAIMS, 60)
    assert jwt.decode(token, first.public_key, [algorithm], audience=ISSUER)["sub"] == "U"
    keys.rotate(stage)
    time.sleep(1)
    second = store.keyring()
    assert (second.current.algorithm, second.current.kid != first.kid) == (algorithm, True)
    assert verify(second, ISSUER, token).sub == "U"
    keys.revoke_key(stage, second.current.kid)
    assert isinstance(second.current.signer, KmsSigner)
    found = stage.aws.client("kms").describe_key(KeyId=second.current.signer.key_id)["KeyMetadata"]
    assert found["KeyState"] == "Disabled"
    third = read_keyring(json.dumps(stage.read()), stage.aws)
    assert verify(third, ISSUER, issue(third, ISSUER, CLAIMS, 60)).sub == "U"
