"""Takes the letters out of a copy of the project: their folders and files, and their lines elsewhere."""

import re
import shutil
from pathlib import Path

GONE = (
    "chalicelib/letters",
    "tests/letters",
    "tests/cloud/test_letters.py",
    "tests/integration/test_letters.py",
    "tasks/letters.py",
    "tasks/mailbox.py",
    "tasks/mailbox.html",
    "tasks/data/letters.py",
    "tasks/commands/letters.py",
    "infra/letters.yaml",
    "docs/letters.md",
    ".chalice/policy-dev-send_letters.json",
    ".chalice/policy-prod-send_letters.json",
)
# By file, what is taken out of it: regular expressions, each with what takes the place of its matches.
EDITS: dict[str, tuple[tuple[str, str], ...]] = {
    "app.py": ((r"from chalicelib\.letters .*\n", ""), (r"send_letters = .*\n", "")),
    "chalicelib/listeners.py": ((r"from chalicelib\.letters .*\n", ""), (r" *outbox\.write_letter.*\n", "")),
    "chalicelib/db/keys.py": ((r'def letter_about(.*\n)*?OUTBOX = "OUTBOX"\n\n\n', ""),),
    "chalicelib/telemetry/metrics.py": ((r' *"letters_given_up".*\n', ""),),
    "pyproject.toml": ((r'"letters \| ', '"'),),
    ".chalice/config.json": ((r',\n *"send_letters": \{[^}]*\}', ""),),
    "infra/dashboard.yaml": (
        (r' *\["Grail", "letters_given_up".*\n', ""),
        (r',\n *"\$\{LettersGivenUpAlarm.Arn\}", "\$\{SendLettersErrorsAlarm.Arn\}"', ""),
    ),
    "tasks/commands/__init__.py": ((r"    letters,\n", ""), (r" letters,", "")),
    "tasks/data/rules.py": ((r"letters, lookups", "lookups"), (r" *Rule\(letters\..*\n", "")),
    "tasks/server.py": ((r"from tasks import mailbox\n", ""), (r' *"delivery of letters": .*\n', "")),
    "tasks/gateway.py": (
        (r"from tasks import mailbox\n", ""),
        (r" *if request\.method in .* mailbox\.answer.*\n(.*\n){2}", ""),
    ),
    "CONTRIBUTING.md": ((r"\| aiosmtpd .*\n", ""),),
    "CHANGELOG.md": ((r"; `invoke letters\.list` and `letters\.resend` are for operators", ""),),
    "docs/README.md": ((r".*\(letters\.md\).*\n", ""),),
    "docs/architecture.md": ((r" *letters\[.*\n", ""), (r"\| `letter` .*\n", "")),
    "docs/extending.md": ((r"`Letter` in `chalicelib/letters/.*\n.*\n\n", ""),),
    "docs/operations.md": (
        (r"### letters given up\n(.*\n)*?(?=## )", ""),
        (r", `letters_given_up`", ""),
    ),
    "docs/tasks.md": ((r"\| `letters\.list`.*\n", ""),),
}
LINK = re.compile(r"\[([^\]]+)\]\((?:docs/)?letters\.md[^)]*\)|\[([^\]]+)\]\(operations\.md#letters[^)]*\)")


def take_out(project: Path) -> None:
    """Take the letters out of a copy.

    :raises LookupError: something that is to be taken out is not there: this list is out of date.
    """
    for name in GONE:
        path = project / name
        (shutil.rmtree if path.is_dir() else Path.unlink)(path)
    for name, edits in EDITS.items():
        edit(project / name, edits)
    for page in [*project.glob("*.md"), *(project / "docs").glob("*.md")]:
        page.write_text(LINK.sub(lambda found: found[1] or found[2], page.read_text("utf-8")), "utf-8")


def edit(path: Path, edits: tuple[tuple[str, str], ...]) -> None:
    """Replace what matches in a file.

    :raises LookupError: nothing does.
    """
    text = path.read_text("utf-8")
    for pattern, by in edits:
        text, amount = re.subn(pattern, by, text)
        if not amount:
            raise LookupError(f"{path.name} has no {pattern}")
    path.write_text(text, "utf-8")
