"""Every task of operators, as a process of its own, against a local stage that runs."""

import json
import re
import subprocess

import pytest

from tasks import namespace
from tasks.processes import module
from tests.e2e.stack import READY_SECONDS, Stack

pytestmark = pytest.mark.slow
FAMILIES = ("users.", "clients.", "shell", "doctor")
# All that an operator may do in one day, in this order; what each one prints, and its exit status.
DAY: list[tuple[str, str, int]] = [
    ("users.create ada ada@grail.test --admin --password-stdin", r"Made ada \(admin\) with the id \w{26}", 0),
    ("users.create ada ada@grail.test --password-stdin", "This username is taken: .* email is taken: ", 2),
    ("users.list --limit 3", "3 of 4 users: --all shows all of them.", 0),
    ("users.list --all --json", '"username": "ada"', 0),
    ("clients.create ada --name Planner --scope users:read", "Its secret, shown only once: ", 0),
    ("clients.create ada --grant magic", "--grant: Must be one of authorization_code", 2),
    ("clients.list", r"(?s)documentation +public .*service +confidential .*3 clients", 0),
    ("clients.list --owner ada@grail.test --json", '"client_name": "Planner"', 0),
    ("clients.rotate service", r"(?s)Rotated: service.*Its secret, .*The previous secret is valid until", 0),
    ("clients.suspend service", "service is suspended.", 0),
    ("clients.resume service", "service is active.", 0),
    ("clients.revoke service", "service is deleted. All of its tokens have ended.", 0),
    ("clients.revoke service", "There is no client service: clients.list shows them.", 2),
    ("users.reset-password user --password-stdin", "The password of user is changed.", 0),
    ("users.disable root", "root is disabled.", 0),
    ("users.disable ada", "This is the last active admin", 2),
    ("users.enable root", "root is enabled.", 0),
    ("shell --command len(query(User,keys.USERS))", "4", 0),
    ("users.export internal", '"username": "internal"', 0),
    ("users.erase internal", "internal is erased.", 0),
    ("doctor", r"(?s)ok +address .*Nothing is wrong\.", 0),
]


def run(stack: Stack, line: str, typed: str = "analytical engine\n") -> tuple[str, int]:
    """Run a task as in another terminal, and return its output and its status."""
    done = subprocess.run(  # noqa: S603 - words that stand above
        module("invoke", *line.split()),
        cwd=stack.folder,
        env=stack.environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        check=False,
    )
    return done.stdout + done.stderr, done.returncode


def test_every_task_works_on_a_local_stage(own_stack: Stack) -> None:
    """Each task runs; a refusal is one line and status 2, never a traceback."""
    for line, words, status in DAY:
        said, code = run(own_stack, line)
        assert (code, bool(re.search(words, said))) == (status, True), f"{line}: {said}"
        assert "Traceback" not in said
        assert status != 2 or len(said.splitlines()) == 1, said
    ran = {line.split()[0] for line, _, status in DAY}
    assert {name for name in namespace.task_names if name.startswith(FAMILIES)} == ran
    assert own_stack.token("ada", "analytical engine").status == 200
    assert own_stack.token("user", "analytical engine").status == 200
    assert own_stack.token("user", "w").status == 400


def test_a_stage_whose_engine_rests_is_told_in_one_line(own_stack: Stack) -> None:
    """Nothing answers where the table should be."""
    own_stack.stop()
    said, code = run(own_stack, "users.list")
    assert (code, len(said.splitlines())) == (2, 1)
    assert "No engine at " in said


def test_what_is_made_for_scripts_is_json(own_stack: Stack) -> None:
    """A script gets a secret by it, which works."""
    said, _ = run(own_stack, "clients.create root --scope users:read --json")
    made = json.loads(said)
    answer = own_stack.api(
        "POST",
        "/auth/oauth2/token",
        form={"grant_type": "client_credentials"},
        basic=(made["client_id"], made["client_secret"]),
    )
    assert answer.json["scope"] == "users:read"
