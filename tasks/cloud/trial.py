"""What is looked at once a stage is deployed: whether it works, and what its operator should know."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from chalicelib.db.table import connect
from chalicelib.security.aws import Aws
from chalicelib.settings import Settings
from tasks.cloud.account import Account
from tasks.cloud.smoke import Smoke, fault
from tasks.cloud.stack import Stack
from tasks.doctor.checks import CHECKS
from tasks.doctor.report import BROKEN, DENIED, GOOD, SKIPPED, Subject, tell
from tasks.tables import task_context


@dataclass(frozen=True)
class Trial:
    """The trial of a stage that was just deployed.

    :param say: prints a line.
    """

    account: Account
    settings: Settings
    stack: Stack
    say: Callable[[str], None] = print

    def run(self, build: str) -> str:
        """Call the stage as clients do, and return what failed; empty if nothing did."""
        settings = replace(self.settings, dynamodb_endpoint=self.account.endpoint)
        connect(settings)
        url, domain = self.stack.reach(settings.stage)
        context = task_context("deploy", settings)
        found = fault(Smoke(url, build, context, domain))
        self.say(f"{self.stack.url(settings.stage)} {'fails' if found else 'works'}.")
        return found

    def examine(self) -> str:
        """Print what the doctor finds, and return what keeps the stage from working; empty if nothing does.

        What the caller may not look at is no finding: a role that deploys reads no secrets.
        """
        connect(replace(self.settings, dynamodb_endpoint=self.account.endpoint))
        subject = Subject(self.settings, self.account.session, self.account.endpoint)
        subject.aws = cast("Aws", self.account)  # it makes clients, too: the caller's own
        found = [(check.title, finding) for check in CHECKS for finding in check.run(subject)]
        for title, finding in found:
            if finding.level not in (GOOD, SKIPPED, DENIED):
                self.say(tell(title, finding))
        hidden = ", ".join(title for title, finding in found if finding.level == DENIED)
        if hidden:
            self.say(f"Not looked at, for want of permission: {hidden}.")
        return next((f"{title}: {finding.text}" for title, finding in found if finding.level == BROKEN), "")
