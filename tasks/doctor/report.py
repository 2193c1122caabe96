"""What a check looks at, and what it finds."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from botocore.session import Session

from chalicelib.db.table import connection
from chalicelib.security.aws import Aws
from chalicelib.settings import Settings, SettingsError
from tasks.cloud.account import is_denied
from tasks.cloud.stack import Stack
from tasks.console import START, explain, missing_engine
from tasks.tables import open_table

GOOD, LOOK, WRONG, SKIPPED = "ok", "look", "WRONG", "-"
BROKEN = "BROKEN"  # the stage does not work: a deployment that finds it goes back
DENIED = "denied"  # the caller may not look
FAULTS = (WRONG, BROKEN, DENIED)


class Finding(NamedTuple):
    """What was found.

    :param level: GOOD; LOOK, where it is for the operator to judge; WRONG; BROKEN; DENIED; or SKIPPED.
    :param advice: what to do about it.
    """

    level: str
    text: str
    advice: str = ""


@dataclass
class Subject:
    """The stage that is checked, with what several checks read from AWS.

    :param endpoint: URL of a local cloud.
    """

    settings: Settings
    session: Session
    endpoint: str | None = None

    @property
    def name(self) -> str:
        """The stage's name."""
        return self.settings.stage

    @cached_property
    def aws(self) -> Aws:
        """The clients that read the document of secrets."""
        return Aws(self.session, self.settings.region)

    def client(self, service: str) -> Any:
        """Make a client of a service."""
        return self.session.create_client(service, self.settings.region, endpoint_url=self.endpoint)

    @cached_property
    def table(self) -> dict[str, Any]:
        """DynamoDB's description of the table."""
        found: dict[str, Any] = self.dynamodb.describe_table(TableName=self.settings.table_name)["Table"]
        return found

    @property
    def dynamodb(self) -> Any:
        """The client that the table is reached by, on local stages, too."""
        return connection().connection.client

    @cached_property
    def stack(self) -> Stack:
        """The stage's stack."""
        return Stack(self.client("cloudformation"), f"grail-{self.name}")

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The outputs of the stack; empty if there is none."""
        return self.stack.outputs


@dataclass(frozen=True)
class Check:
    """One thing to look at.

    :param deployed: only deployed stages have it.
    """

    title: str
    examine: Callable[[Subject], Iterable[Finding]]
    deployed: bool = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Run the check; an error on the way is a finding, too."""
        if self.deployed and subject.settings.is_local:
            yield Finding(SKIPPED, "not on local stages")
            return
        try:
            yield from self.examine(subject)
        except Exception as error:
            reason = explain(error)
            if not reason:
                raise
            engine = missing_engine(error)
            text = f"no engine at {engine}" if engine else f"can't be looked at: {reason}"
            level = DENIED if is_denied(error) else WRONG
            yield Finding(level, text, START if engine else "Follow the message, and run the doctor again.")


def tell(title: str, finding: Finding) -> str:
    """Return a finding as text, with the advice in a line of its own."""
    line = f"{finding.level:6} {title:12} {finding.text}"
    return f"{line}\n{'':20}-> {finding.advice}" if finding.advice else line


def diagnose(stage: str, checks: Iterable[Check], say: Callable[[str], None] = print) -> int:
    """Run the checks of a stage, print what they find, and return the number of problems.

    Without valid settings or credentials, it reports only that.

    :raises TaskError: there is no such stage.
    """
    try:
        settings = open_table(stage)
    except SettingsError as error:
        advice = "docs/deploy.md lists the settings; those of deployed stages are in .chalice/config.json."
        say(tell("settings", Finding(WRONG, str(error), advice)))
        return 1
    session = Session()
    if not settings.is_local and session.get_credentials() is None:
        say(tell("AWS", Finding(WRONG, "no AWS credentials found", "Choose a profile with AWS_PROFILE.")))
        return 1
    subject, wrong = Subject(settings, session), 0
    for check in checks:
        for finding in check.run(subject):
            say(tell(check.title, finding))
            wrong += finding.level in FAULTS
    return wrong
