"""What happens once a stage is deployed: it is called, the doctor looks, and what does not work goes back."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tasks.cloud import trial
from tasks.cloud.account import Account
from tasks.cloud.deploy import Deployment
from tasks.cloud.history import History, Record
from tasks.cloud.preflight import hints
from tasks.cloud.smoke import Smoke
from tasks.cloud.stack import Stack
from tasks.cloud.trial import Trial
from tasks.doctor.report import BROKEN, GOOD, LOOK, WRONG, Check, Finding, Subject
from tasks.errors import TaskError
from tasks.stages import settings_of
from tests.tasks.test_deploy import Fixed, Recorded

DOMAIN = "api.grail.test"
DENIED = ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetParameter")


class Health(BaseHTTPRequestHandler):
    """Answers /health, and keeps what it was called by."""

    hosts: list[str]

    def do_GET(self) -> None:
        """Return the build."""
        self.hosts.append(f"{self.headers['Host']} {self.path}")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"build": "one"}')

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the domain, and only for that, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, DOMAIN)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(DOMAIN)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return paths


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a server that is called otherwise than its certificate."""
    Health.hosts = []
    public, private = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Health)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_domain_is_asked_for_by_its_name_before_its_record_exists(target: str) -> None:
    """Clients check name and certificate alike."""
    context: Any = None
    Smoke(target, "one", context, DOMAIN)._await_build()
    assert Health.hosts == [f"{DOMAIN} /health?deep=1"]
    with pytest.raises(Exception, match="SSLError"):
        Smoke(target, "one", context, "other.grail.test")._call("GET", "/health", 200)


def refuse(_subject: Subject) -> Iterator[Finding]:
    """A check that its caller may not make."""
    yield from ()
    raise DENIED


@pytest.mark.parametrize(
    ("level", "reason"), [(BROKEN, "table: as it is"), (WRONG, ""), (LOOK, ""), (GOOD, "")]
)
def test_what_does_not_work_goes_back_and_the_rest_is_told(
    level: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is fine is not told, nor is what a deploying role may not look at, except that it was not."""
    checks = (Check("keys", refuse), Check("table", lambda _: [Finding(level, "as it is")]))
    monkeypatch.setattr(trial, "AT_DEPLOYMENT", checks)
    monkeypatch.setattr(trial, "connect", lambda _: None)
    said: list[str] = []
    stack = Stack(Recorded(), "grail-dev")
    assert Trial(Account(Session()), settings_of("dev"), stack, said.append).examine() == reason
    assert len(said) == (2 if level != GOOD else 1)
    assert said[-1] == "Not looked at, for want of permission: keys."


RECORD = Record("https://bucket/template", {"Build": "one"}, "digest")


def deployment(
    monkeypatch: pytest.MonkeyPatch, latest: Record | None, *, test: str = "", examine: str = ""
) -> tuple[Deployment, list[Any]]:
    """A deployment of RECORD whose stack already has it, and what is written down of it."""
    written: list[Any] = []
    stack = {"StackName": "grail-dev", "StackStatus": "UPDATE_COMPLETE"}
    account = Fixed(cloudformation=Recorded(describe_stacks={"Stacks": [stack]}))
    account.number, account.region = "1" * 12, "eu-central-1"
    monkeypatch.setattr(Deployment, "_require_possible", lambda *_: None)
    monkeypatch.setattr(Deployment, "_change", lambda *_, **__: False)
    monkeypatch.setattr(Deployment, "upload", lambda *_: RECORD.template)
    monkeypatch.setattr(Deployment, "parameters", lambda _: RECORD.parameters)
    monkeypatch.setattr(History, "latest", lambda _: latest)
    monkeypatch.setattr(History, "add", lambda _, record: written.append(record))
    return Deployment("dev", account, test=lambda *_: test, examine=lambda _: examine), written


def test_a_deployment_that_was_cut_off_is_finished_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """CloudFormation went on without it: nothing changes any more, but nobody has tested it."""
    package: Any = type("Package", (), {"digest": RECORD.digest})
    cut, written = deployment(monkeypatch, None)
    cut.deploy(package, yes=True)
    assert written == [RECORD]
    done, written = deployment(monkeypatch, RECORD)
    done.deploy(package, yes=True)
    assert written == []


@pytest.mark.parametrize("by", ["test", "examine"])
def test_what_does_not_work_is_not_written_down(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollback would go to it."""
    package: Any = type("Package", (), {"digest": "another"})
    broken, written = deployment(monkeypatch, RECORD, **{by: "no index"})
    with pytest.raises(
        TaskError, match="does not work with this build: no index\nIt is back at the build one"
    ):
        broken.deploy(package, yes=True)
    assert written == []


def runs(most: int) -> Recorded:
    """An account that runs so many functions at a time."""
    return Recorded(get_account_settings={"AccountLimit": {"ConcurrentExecutions": most}})


@pytest.mark.parametrize(
    ("stage", "setting", "count"), [("prod", "false", 1), ("prod", "true", 0), ("dev", "false", 0)]
)
def test_prod_is_told_of_the_limit_that_many_cold_starts_meet(stage: str, setting: str, count: int) -> None:
    """It may be enough, so nothing is refused."""
    ssm = Recorded(get_service_setting={"ServiceSetting": {"SettingValue": setting}})
    found = hints(Fixed(ssm=ssm, **{"lambda": runs(1000)}), settings_of(stage))
    assert len([line for line in found if "40 reads a second" in line]) == len(found) == count


def test_the_limit_is_left_out_where_it_cannot_be_read() -> None:
    """A deployment needs no right for it."""
    account = Fixed(
        ssm=Recorded(get_service_setting=DENIED), **{"lambda": Recorded(get_account_settings=DENIED)}
    )
    assert hints(account, settings_of("prod")) == []


def test_a_new_account_is_told_how_few_functions_it_runs() -> None:
    """AWS gives some 10, where the documentation says 1,000."""
    (hint,) = hints(Fixed(**{"lambda": runs(10)}), settings_of("dev"))
    assert hint.startswith("This account runs at most 10 functions at a time")


def test_what_a_rollback_deploys_is_tested_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken for granted that it works; nothing else is left to go to."""
    back, _ = deployment(monkeypatch, RECORD, test="no answer")
    monkeypatch.setattr(History, "before", lambda _: RECORD)
    popped: list[None] = []
    monkeypatch.setattr(History, "pop", lambda _: popped.append(None))
    with pytest.raises(TaskError, match="grail-dev does not work with this build either: no answer"):
        back.rollback(yes=True)
    assert popped == [None]
