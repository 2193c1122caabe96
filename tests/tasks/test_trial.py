"""What happens once a stage is deployed: it is called, the doctor looks, and what does not work goes back."""

import io
import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3
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
from tasks.cloud.stack import Stack
from tasks.cloud.trial import Smoke, Trial
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
    runs = [{"ParameterKey": "Build", "ParameterValue": "one"}]
    stack = {"StackName": "grail-dev", "StackStatus": "UPDATE_COMPLETE", "Parameters": runs}
    account = Fixed(cloudformation=Recorded(describe_stacks={"Stacks": [stack]}))
    account.number, account.region = "1" * 12, "eu-central-1"
    monkeypatch.setattr(Deployment, "_require_possible", lambda *_: None)
    monkeypatch.setattr(Deployment, "_change", lambda *_, **__: False)
    monkeypatch.setattr(Deployment, "upload", lambda *_: RECORD.template)
    monkeypatch.setattr(Deployment, "_at_once", lambda _, record: record)
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


def test_what_cannot_go_back_either_is_told_with_the_first_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has to repair both."""
    package: Any = type("Package", (), {"digest": "another"})
    broken, _ = deployment(monkeypatch, RECORD, test="no index")

    def change(_: Deployment, record: Record, **__: Any) -> bool:
        if record is RECORD:
            raise TaskError("grail-dev is busy")
        return True

    monkeypatch.setattr(Deployment, "_change", change)
    with pytest.raises(TaskError, match=r"no index\nIt could not go back either: grail-dev is busy"):
        broken.deploy(package, yes=True)


def test_a_rollback_from_a_deployment_that_was_cut_off_goes_to_the_last_that_worked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was not written down, so nothing is forgotten either."""
    latest = Record(RECORD.template, {"Build": "zero"}, "earlier")
    back, _ = deployment(monkeypatch, latest)
    changed: list[Record] = []
    monkeypatch.setattr(Deployment, "_change", lambda _, record, **__: changed.append(record))
    monkeypatch.setattr(History, "pop", lambda _: pytest.fail("the last that worked is forgotten"))
    back.rollback(yes=True)
    assert changed == [latest]


def test_what_goes_back_does_so_at_once() -> None:
    """Nine requests in ten would meet the build that fails for the minutes of a rollout."""
    function = {"Properties": {"DeploymentPreference": {"Type": "Canary10Percent5Minutes"}, "Timeout": 15}}
    template = {"Resources": {"APIHandler": function}}
    missing = ClientError({"Error": {"Code": "404"}}, "HeadObject")
    s3: Any = Recorded(get_object={"Body": io.BytesIO(json.dumps(template).encode())}, head_object=missing)
    s3.meta = SimpleNamespace(endpoint_url="https://s3.test")
    account = Fixed(s3=s3)
    account.bucket = "packages"
    record = Record("https://s3.test/packages/grail/prod/1.json", {"Build": "one"}, "digest")
    back = Deployment("prod", account)._at_once(record)
    assert s3.arguments["get_object"] == {"Bucket": "packages", "Key": "grail/prod/1.json"}
    made = json.loads(s3.arguments["put_object"]["Body"])
    assert made == {"Resources": {"APIHandler": {"Properties": {"Timeout": 15}}}}
    assert back.template == f"https://s3.test/packages/{s3.arguments['put_object']['Key']}"
    assert (back.parameters, back.digest) == (record.parameters, record.digest)


def test_a_connection_that_fails_says_nothing_about_the_stage(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again, as nothing was sent; an answer is not."""
    failures = iter([True, True, False])

    def connect(*arguments: Any, **options: Any) -> Any:
        if next(failures):
            raise ConnectionRefusedError
        return create_connection(*arguments, **options)

    create_connection = urllib3.util.connection.create_connection
    monkeypatch.setattr(urllib3.util.connection, "create_connection", connect)
    monkeypatch.setattr("time.sleep", lambda _: None)
    context: Any = None
    assert Smoke(target, "one", context, DOMAIN)._call("GET", "/health", 200) == {"build": "one"}
    assert len(Health.hosts) == 1


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
