"""Letters on their way: a real SMTP server, Amazon SES, and the folder of a local stage."""

import asyncio
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from botocore.exceptions import ReadTimeoutError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from moto.backends import get_backend

import app as application
from chalicelib.db import keys
from chalicelib.db.table import session
from chalicelib.letters import senders
from chalicelib.letters.senders import Login, NotSentError, by_smtp, kept_in, sender_of, to_folder
from chalicelib.users.models import User
from tests.letters.conftest import SENDER, Clock
from tests.letters.mail_tools import outbox, run, told
from tests.letters.test_message import written
from tests.ports import free_port

pytestmark = pytest.mark.in_process("sends letters from this process")
LOGIN = ("grail", "sesame")


class Mailbox:
    """What a server does with letters.

    :param answers: its answers to RCPT and DATA, where it does not take them.
    :param delay: seconds before it answers DATA.
    """

    def __init__(self, answers: dict[str, str] | None = None, *, delay: float = 0) -> None:
        self.delay, self.answers = delay, answers or {}
        self.taken: list[bytes] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Take a recipient, or refuse it."""
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a letter, or refuse it."""
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.taken.append(envelope.original_content)
        await asyncio.sleep(self.delay)
        return "250 OK"


@contextmanager
def serving(mailbox: Mailbox, port: int, **options: Any) -> Iterator[str]:
    """Serve SMTP, and yield host and port."""
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        controller.stop()


def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, found: Any) -> AuthResult:
    """Check a login."""
    is_right = (found.login.decode(), found.password.decode()) == LOGIN
    return AuthResult(success=is_right)


@pytest.fixture
def send_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set MAIL."""

    def set_mail(mail: str) -> None:
        monkeypatch.setattr(application, "settings", replace(application.settings, mail=mail))

    return set_mail


SendBy = Callable[[str], None]


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for a server of this machine, and for clients that trust it."""
    key, name = generate_private_key(SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(path)
    client = ssl.create_default_context(cadata=certificate.public_bytes(Encoding.PEM).decode())
    return server, client


def test_a_letter_arrives_as_it_was_written(user: User, send_by: SendBy) -> None:
    """By SMTP: headers, text and HTML; it is not kept."""
    mailbox = Mailbox()
    letter = told("password_change", user.id)
    with serving(mailbox, free_port()) as address:
        send_by(f"smtp://{address}")
        assert (run(), outbox()) == ({"sent": 1}, [])
    (found,) = (message_from_bytes(each, policy=default) for each in mailbox.taken)
    assert (found["To"], found["Subject"]) == (user.email, "Your password was changed")
    assert (found["From"], found["Message-ID"]) == (SENDER, f"<{letter.id}@mail.test.example>")
    text, shown = (part.get_content() for part in found.iter_parts())
    assert (text.startswith("Hello user,"), "<h1" in shown) == (True, True)


@pytest.mark.parametrize(
    "answers",
    [
        {"RCPT": "450 Try again later"},
        {"RCPT": "550 No such user"},
        {"DATA": "451 Try again later"},
        {"DATA": "554 Looks like spam"},
    ],
    ids=str,
)
def test_a_refused_letter_is_delivered_later(
    user: User, clock: Clock, send_by: SendBy, answers: dict[str, str]
) -> None:
    """A refusal may be the fault of a setting, so even a permanent one is not taken at its word."""
    mailbox = Mailbox(dict(answers))
    told("password_change", user.id)
    with serving(mailbox, free_port()) as address:
        send_by(f"smtp://{address}")
        assert (run(), run(), len(outbox())) == ({"failed": 1}, {}, 1)
        mailbox.answers.clear()
        clock.ahead = 3600
        assert (run(), outbox(), len(mailbox.taken)) == ({"sent": 1}, [], 1)


def test_a_server_that_is_down_for_an_hour_gets_the_letters_then(
    user: User, clock: Clock, send_by: SendBy
) -> None:
    """Nothing listens; the job runs once a minute."""
    mailbox, port = Mailbox(), free_port()
    for _ in range(2):
        told("password_change", user.id)
    send_by(f"smtp://127.0.0.1:{port}")
    for _ in range(60):
        run()
        clock.ahead += 60
    assert len(outbox()) == 2
    with serving(mailbox, port):
        for _ in range(60):
            run()
            clock.ahead += 60
    assert (len(mailbox.taken), outbox()) == (2, [])


def test_an_answer_that_is_late_makes_a_repetition_with_the_same_id(
    user: User, clock: Clock, send_by: SendBy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has it and does not say so: the recipient's mail program knows by the Message-ID."""
    mailbox = Mailbox(delay=2)
    monkeypatch.setattr(senders, "TIMEOUT", 0.5)
    told("password_change", user.id)
    with serving(mailbox, free_port()) as address:
        send_by(f"smtp://{address}")
        assert (run(), len(outbox())) == ({"failed": 1}, 1)
        mailbox.delay, clock.ahead = 0, 3600
        assert (run(), outbox()) == ({"sent": 1}, [])
    ids = [message_from_bytes(each, policy=default)["Message-ID"] for each in mailbox.taken]
    assert (len(ids), len(set(ids))) == (2, 1)


@pytest.mark.parametrize("takes", [True, False])
def test_a_name_beyond_ascii_needs_a_server_that_takes_it(takes: bool) -> None:
    """RFC 6531: others refuse before the letter is sent, and it is given up some day."""
    mailbox, message = Mailbox(), written(to="jürgen@bücher.example")
    with serving(mailbox, free_port(), enable_SMTPUTF8=takes) as address:
        send = by_smtp(f"smtp://{address}", None)
        if takes:
            send(message)
        else:
            with pytest.raises(NotSentError, match="SMTPNotSupportedError"):
                send(message)
    assert ["jürgen@xn--bcher-kva.example".encode() in each for each in mailbox.taken] == [True] * takes


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize("login", [None, ("grail", "wrong"), LOGIN])
def test_a_server_may_want_a_login(login: Login | None) -> None:
    """It is in the document of secrets; a wrong one is not in the error."""
    mailbox = Mailbox()
    wants = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": False}
    with serving(mailbox, free_port(), **wants) as address:
        send = by_smtp(f"smtp://{address}", login)
        if login == LOGIN:
            send(written())
        else:
            with pytest.raises(NotSentError) as error:
                send(written())
            assert "wrong" not in str(error.value)
    assert len(mailbox.taken) == (login == LOGIN)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("trusts", [True, False])
def test_letters_leave_the_machine_by_tls_only(
    *,
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    trusts: bool,
) -> None:
    """With a certificate that is checked; a server that is not trusted gets nothing, and no login."""
    server, client = contexts
    mailbox = Mailbox()
    monkeypatch.setattr(senders, "is_near", lambda _: False)
    options = (
        {"ssl_context": server} if scheme == "smtps" else {"tls_context": server, "require_starttls": True}
    )
    if trusts:
        monkeypatch.setattr(senders, "trusted", lambda: client)
    with serving(mailbox, free_port(), **options) as address:
        send = by_smtp(f"{scheme}://{address}", None)
        if trusts:
            send(written())
        else:
            with pytest.raises(NotSentError, match="SSLCertVerificationError"):
                send(written())
    assert len(mailbox.taken) == trusts


def test_a_server_without_tls_gets_no_letter_of_a_deployed_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody between can ask for plain text."""
    mailbox = Mailbox()
    monkeypatch.setattr(senders, "is_near", lambda _: False)
    with serving(mailbox, free_port()) as address, pytest.raises(NotSentError, match="SMTPNotSupported"):
        by_smtp(f"smtp://{address}", LOGIN)(written())
    assert mailbox.taken == []


def test_a_letter_is_sent_by_ses(user: User) -> None:
    """As the stage's identity, which has to be verified; else it stays."""
    backend: Any = get_backend("ses")["123456789012"]["us-east-1"]
    backend.reset()
    told("password_change", user.id)
    assert (run(), len(outbox())) == ({"failed": 1}, 1)
    session().create_client("ses", "us-east-1").verify_domain_identity(Domain="mail.test.example")
    letter = told("password_change", user.id)
    assert run() == {"sent": 1}
    (message,) = backend.sent_messages
    assert (message.subject, message.destinations["ToAddresses"]) == (
        "Your password was changed",
        [user.email],
    )
    assert (message.source, letter.key in {each.key for each in outbox()}) == (SENDER, False)
    backend.reset()


def test_ses_is_asked_once() -> None:
    """A repetition by the client library, after a lost answer, would be a second letter."""
    attempts: list[str] = []

    def lose(**_: Any) -> None:
        attempts.append("sent")
        raise ReadTimeoutError(endpoint_url="https://email")

    session().register("before-send.sesv2.SendEmail", lose)
    try:
        send = sender_of(application.settings, None)
        with pytest.raises(NotSentError, match="SES: ReadTimeoutError"):
            send(written())
    finally:
        session().unregister("before-send.sesv2.SendEmail", lose)
    assert attempts == ["sent"]


def test_a_local_stage_keeps_the_last_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As files, newest first, not more than a hundred of them; a repetition replaces its letter."""
    monkeypatch.setattr(senders, "KEPT", 3)
    send, ids = to_folder(tmp_path / "letters"), sorted(keys.new_id() for _ in range(5))
    for letter_id in [*ids, ids[-1]]:
        send(replace(written(), id=letter_id))
    kept = [json.loads(path.read_text("utf-8")) for path in kept_in(tmp_path / "letters")]
    assert [each["id"] for each in kept] == ids[:1:-1]
    assert (kept[0]["to"], kept[0]["created"]) == ("ada@test.example", "2026-01-02 03:04:05+00:00")
