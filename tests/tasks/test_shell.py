"""The shell's namespace, as one line of it sees it."""

import pytest
from invoke.context import Context

from chalicelib.settings import Settings
from chalicelib.users.models import User
from tasks import shell
from tasks.commands import daily
from tests.tasks.operators import refused

pytestmark = pytest.mark.usefixtures("on_moto")


def run(line: str) -> int:
    """Run a line, and return the exit status."""
    with pytest.raises(SystemExit) as ended:
        daily.shell(Context(), command=line)
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("settings.stage", "'test'\n"),
        ("get_many([keys.user(find_user('user').id)]).popitem()[1].email", "'user@test.example'\n"),
        ("for user in query(User, keys.USERS): print(user.username)", "user\n"),
        ("Team.__name__, AuditEvent.__name__", "('Team', 'AuditEvent')\n"),
    ],
)
def test_a_line_reaches_everything(
    user: User, line: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Models, settings, keys, get_many, and the stage's table."""
    assert (run(line), capsys.readouterr().out) == (0, shown)


def test_an_error_of_the_line_is_told(table: None, capsys: pytest.CaptureFixture[str]) -> None:
    """What it raises, and status 1."""
    assert run("find_user('nobody')") == 1
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .endswith("There is no user with this username, e-mail address or id: nobody")
    )


def test_what_is_no_python_is_one_line(table: None) -> None:
    """A wrong argument gives one clear line and status 2."""
    refused("--command: invalid syntax", daily.shell, command="x =")


def test_prod_asks(table: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Production asks, since a shell may write."""
    monkeypatch.setattr("tasks.console.input", lambda _: "no", raising=False)
    refused("Nothing was changed.", daily.shell, stage="prod", command="settings.stage")


def test_the_banner_says_what_is_there() -> None:
    """The stage, its table, and every model."""
    text = shell.banner(Settings(stage="dev", table_name="grail-dev", region="eu-central-1"))
    assert "Stage dev: the table grail-dev at eu-central-1" in text
    assert all(name in text for name in ("OAuth2Client", "Team", "User", "AuditEvent", "keys", "get_many"))
