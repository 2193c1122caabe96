"""Ways to send a letter: Amazon SES, SMTP, or a folder of this machine. Imported by the job only."""

import json
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from botocore.config import Config

from chalicelib.db.table import session
from chalicelib.letters.message import Message
from chalicelib.security.aws import FAULTS
from chalicelib.settings import FOLDER, ON_THIS_MACHINE, SES, Settings
from chalicelib.telemetry.logs import describe

TIMEOUT = 10.0  # seconds that a server may take for each answer
# No retries by botocore: SES would send the letter again if its answer was lost.
CONFIG = Config(connect_timeout=2.0, read_timeout=TIMEOUT, retries={"total_max_attempts": 1})
AUTOMATIC = ("Auto-Submitted", "auto-generated")  # RFC 3834: nobody's absence notice answers it
KEPT = 100  # letters in the folder

Send = Callable[[Message], None]
Login = tuple[str, str]


class NotSentError(Exception):
    """Raised when a letter was not accepted; the message has no address in it."""


def sender_of(settings: Settings, login: Login | None) -> Send:
    """Return what sends the letters of a stage.

    :param login: username and password for SMTP.
    """
    mail = settings.mail or ""
    if mail == SES:
        return by_ses(settings.region)
    if mail.startswith(f"{FOLDER}:"):
        return to_folder(folder_of(settings))
    return by_smtp(mail, login)


def folder_of(settings: Settings) -> Path:
    """Return the folder that takes the letters of a local stage."""
    return Path((settings.mail or "").removeprefix(f"{FOLDER}:"))


def by_ses(region: str) -> Send:
    """Send by Amazon SES."""
    client = session().create_client("sesv2", region, config=CONFIG)

    def send(message: Message) -> None:
        # SES makes message ids of its own: this header is what repetitions have in common.
        headers = [AUTOMATIC, ("X-Letter-ID", message.id)]
        simple = {
            "Subject": _utf8(message.subject),
            "Body": {"Text": _utf8(message.text), "Html": _utf8(message.html)},
            "Headers": [{"Name": name, "Value": value} for name, value in headers],
        }
        try:
            client.send_email(
                FromEmailAddress=message.sender,
                Destination={"ToAddresses": [message.to]},
                Content={"Simple": simple},
            )
        except FAULTS as error:
            raise NotSentError(f"SES: {describe(error)}") from error

    return send


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def by_smtp(url: str, login: Login | None) -> Send:
    """Send by an SMTP server; over TLS, unless it is on this machine."""

    def send(message: Message) -> None:
        try:
            with _connected(url) as server:
                if login:
                    server.login(*login)
                server.send_message(as_email(message))
        except (OSError, ValueError) as error:  # SMTPException is an OSError
            code = getattr(error, "smtp_code", "")
            raise NotSentError(f"SMTP: {type(error).__name__} {code}".rstrip()) from error

    return send


def trusted() -> ssl.SSLContext:
    """Return the TLS context: certificates are checked, by those that the system trusts."""
    return ssl.create_default_context()


def is_near(url: str) -> bool:
    """Whether a server is on this machine, where letters need no TLS."""
    return ON_THIS_MACHINE.fullmatch(url) is not None


@contextmanager
def _connected(url: str) -> Iterator[smtplib.SMTP]:
    parts, context = urlsplit(url), trusted()
    host = parts.hostname or ""
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT, context=context)
    else:
        server = smtplib.SMTP(host, parts.port or 587, timeout=TIMEOUT)
    try:
        if parts.scheme == "smtp" and not is_near(url):
            server.starttls(context=context)
        yield server
        with suppress(OSError):  # it has the letter: whatever comes now must not send it again
            server.quit()
    finally:
        server.close()


def as_email(message: Message) -> EmailMessage:
    """Write a message as RFC 5322 has it; a repetition has the same Message-ID.

    :raises ValueError: a header would end early.
    """
    name, address = parseaddr(message.sender)
    found = EmailMessage(policy=SMTP)
    found["From"] = Address(name, addr_spec=address)
    username, _, domain = message.to.rpartition("@")
    found["To"] = Address("", username, domain)
    found["Subject"] = message.subject
    found["Date"] = format_datetime(message.created)
    found["Message-ID"] = f"<{message.id}@{address.rpartition('@')[2]}>"
    found[AUTOMATIC[0]] = AUTOMATIC[1]
    found.set_content(message.text)
    found.add_alternative(message.html, subtype="html")
    return found


def to_folder(folder: Path) -> Send:
    """Keep the last letters as files: a local stage shows them on a page, and nothing leaves the machine."""

    def send(message: Message) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        written = folder / f"{message.id}.part"
        written.write_text(json.dumps(asdict(message), default=str), "utf-8")
        written.replace(folder / f"{message.id}.json")
        for path in kept_in(folder)[KEPT:]:
            path.unlink(missing_ok=True)

    return send


def kept_in(folder: Path) -> list[Path]:
    """Return the files of letters, newest first."""
    return sorted(folder.glob("*.json"), reverse=True)
