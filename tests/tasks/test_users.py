"""Accounts that operators make, disable, enable and give passwords: seen through the API afterwards."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from invoke.context import Context
from invoke.exceptions import Exit

from chalicelib.audit.models import AuditEvent
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tasks.commands import users
from tests.acting import create_team
from tests.conftest import PASSWORD
from tests.http import Client
from tests.support import MakeUser, SignIn, TokenFor, dump_table
from tests.tasks.operators import refused, stdin

pytestmark = pytest.mark.usefixtures("on_moto")
Task = Callable[..., Any]


def create(username: str = "ada", email: str = "ada@test.example", **options: Any) -> None:
    """Run the task as the command line does."""
    users.create(Context(), username, email, password_stdin=True, **options)


def me(api: Client, token: str) -> Any:
    """Whoever a token is of."""
    return api("GET", "/api/v1/users/me", token=token).json


def test_the_first_admin_of_a_stage_signs_in(
    api: Client, documentation: OAuth2Client, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is made by users.create --admin --internal signs in with the password, and is both."""
    stdin(monkeypatch, "analytical engine\n")
    create(admin=True, internal=True)
    found = me(api, sign_in("ada", "analytical engine")["access_token"])
    assert (found["username"], found["is_admin"], found["is_internal"]) == ("ada", True, True)


def test_others_have_no_role(
    api: Client, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the requested roles are set; the line that is printed has the id."""
    stdin(monkeypatch, "analytical engine\r\n")
    create()
    found = me(api, sign_in("ada", "analytical engine")["access_token"])
    assert (found["is_admin"], found["is_internal"]) == (False, False)
    assert capsys.readouterr().out == f"Made ada with the id {found['id']}\n"


def test_a_password_is_asked_for_twice(
    api: Client, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is prompted for without echo; if the second input differs, no account is created."""
    typed = iter(["analytical engine", "analytical engines", *["analytical engine"] * 2])
    monkeypatch.setattr("getpass.getpass", lambda _: next(typed))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    refused("The two passwords differ.", users.create, "ada", "ada@test.example")
    users.create(Context(), "ada", "ada@test.example")
    assert sign_in("ada", "analytical engine")["access_token"]


def test_without_a_terminal_nobody_is_asked(table: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script is told what to do."""
    stdin(monkeypatch, "analytical engine\n")
    refused("--password-stdin", users.create, "ada", "ada@test.example")


def test_what_is_wrong_is_told_in_a_line_each(table: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The validation is that of the API, down to its words."""
    stdin(monkeypatch, "password\n")
    with pytest.raises(Exit) as told:
        create("a b", "nobody")
    assert told.value.code == 2
    assert sorted(str(told.value.message).splitlines()) == [
        "--email: Not a valid email address.",
        "--username: Must have 1 to 80 letters (a-z, A-Z), digits, or any of . _ -",
        "The password: This password is one of the most common ones: choose another.",
    ]
    assert dump_table() == []


@pytest.mark.parametrize("password", ["Ada-Lovelace1", "countess!", "countess@test.example"])
def test_an_account_s_own_names_are_no_passwords(
    user: User, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    """As at a sign-up, and as a PATCH has it."""
    told = "The password: A password must not be your username or email address"
    stdin(monkeypatch, f"{password}\n")
    refused(told, users.create, "ada-lovelace", "countess@test.example", password_stdin=True)
    user.update([User.username.set("ada-lovelace"), User.email.set("countess@test.example")])
    stdin(monkeypatch, f"{password}\n")
    refused(told, users.reset_password, user.id, password_stdin=True)


@pytest.mark.parametrize("secret", [b"\n", b"", b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\n"])
def test_what_is_no_password_is_refused(table: None, monkeypatch: pytest.MonkeyPatch, secret: bytes) -> None:
    """Neither nothing nor bytes that are no text."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(secret)))
    refused("password", users.create, "ada", "ada@test.example", password_stdin=True)


@pytest.mark.parametrize(
    ("names", "taken"),
    [(("User", "ada@test.example"), "username"), (("ada", "USER@test.example"), "email")],
)
def test_a_taken_name_is_one_line(
    user: User, monkeypatch: pytest.MonkeyPatch, names: tuple[str, str], taken: str
) -> None:
    """A duplicate is reported in one line, and changes nothing."""
    before = dump_table()
    stdin(monkeypatch, "analytical engine\n")
    refused(f"This {taken} is taken", users.create, *names, password_stdin=True)
    assert dump_table() == before


@pytest.mark.parametrize("name", ["username", "email", "id"])
def test_a_disabled_user_is_out_until_enabled(
    api: Client, user: User, token_for: TokenFor, sign_in: SignIn, name: str
) -> None:
    """By username, e-mail address or id; tokens end at once, and stay ended."""
    token = token_for(user)
    users.disable(Context(), getattr(user, name))
    assert api("GET", "/api/v1/users/me", token=token).status == 401
    users.enable(Context(), getattr(user, name).upper())
    assert api("GET", "/api/v1/users/me", token=token).status == 401
    assert me(api, sign_in()["access_token"])["username"] == "user"


def test_an_id_is_never_taken_for_a_username(make_user: MakeUser) -> None:
    """Who takes another one's id as username is not the one that is meant."""
    victim = make_user("victim")
    make_user(victim.id)
    users.disable(Context(), victim.id)
    assert [found.is_active for found in User.query(victim.pk)] == [False]


def test_the_last_admin_stays(admin: User, make_user: MakeUser) -> None:
    """One active admin must remain; with a second admin, the first may be disabled."""
    refused("This is the last active admin", users.disable, "admin")
    make_user("other", is_admin=True)
    users.disable(Context(), "admin")
    refused("This is the last active admin", users.disable, "other")


def test_saying_it_twice_changes_nothing(user: User, capsys: pytest.CaptureFixture[str]) -> None:
    """A failed operation writes no event."""
    users.enable(Context(), "user")
    assert capsys.readouterr().out == "user is enabled already.\n"
    assert list(AuditEvent.scan()) == []


def test_another_password_ends_all_tokens(
    api: Client, user: User, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Access tokens and refresh tokens of the account end; the new password signs in."""
    tokens = sign_in()
    stdin(monkeypatch, "another good one\n")
    users.reset_password(Context(), "user@test.example", password_stdin=True)
    assert api("GET", "/api/v1/users/me", token=tokens["access_token"]).status == 401
    form = {"grant_type": "refresh_token", "client_id": "documentation"}
    answer = api("POST", "/auth/oauth2/token", form={**form, "refresh_token": tokens["refresh_token"]})
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")
    assert sign_in("user", "another good one")["access_token"]


def test_a_weak_password_is_refused(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator's choice is held to the same rules; nothing changes."""
    before = dump_table()
    stdin(monkeypatch, "short\n")
    refused("A password has at least 8 characters.", users.reset_password, "user", password_stdin=True)
    assert dump_table() == before


@pytest.mark.parametrize("task", [users.disable, users.enable, users.reset_password])
def test_an_unknown_user_is_one_line(user: User, task: Task) -> None:
    """One clear line, whatever was to be done."""
    refused("There is no user with this username, e-mail address or id: nobody", task, "nobody")


def test_tasks_are_in_the_audit_trail(
    api: Client, admin: User, token_for: TokenFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator's actions are recorded like the API's events: with the task, and no account."""
    stdin(monkeypatch, "analytical engine\n")
    create(internal=True)
    users.disable(Context(), "ada")
    users.enable(Context(), "ada")
    stdin(monkeypatch, "another good one\n")
    users.reset_password(Context(), "ada", password_stdin=True)
    events = api("GET", "/api/v1/audit", token=token_for(admin)).json
    assert [(event["event"], event["request_id"]) for event in reversed(events)] == [
        ("user_creation", "invoke users.create"),
        ("account_disabling", "invoke users.disable"),
        ("account_enabling", "invoke users.enable"),
        ("password_change", "invoke users.reset-password"),
    ]
    assert {(event["actor_id"], event["client_id"], event["address"]) for event in events} == {
        (None, None, "none")
    }
    assert events[-1]["details"] == {"is_internal": True}


def test_users_are_listed_in_the_order_of_their_creation(
    make_user: MakeUser, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what is special about them, and how many there are."""
    made = [make_user("root", is_admin=True), make_user("ada", is_active=False), make_user("bob")]
    users.list_users(Context(), limit="2")
    assert capsys.readouterr().out.splitlines() == [
        f"{made[0].id}  root  root@test.example  (admin)",
        f"{made[1].id}  ada   ada@test.example  (disabled)",
        "2 of 3 users: --all shows all of them.",
    ]
    users.list_users(Context(), limit="1", all=True)
    assert capsys.readouterr().out.splitlines()[-1] == "3 of 3 users."


def test_users_are_listed_as_json(
    api: Client, admin: User, token_for: TokenFor, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each as the API shows it, and nothing of its password."""
    users.list_users(Context(), json=True)
    assert json.loads(capsys.readouterr().out) == [me(api, token_for(admin))]


def test_no_password_is_shown_or_kept(
    user: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Behaviour 56: nothing of it in what is printed, nor in the table."""
    stdin(monkeypatch, "analytical engine\n")
    create()
    users.list_users(Context(), json=True)
    assert "analytical engine" not in capsys.readouterr().out
    assert "analytical engine" not in repr(dump_table())
    assert PASSWORD not in repr(dump_table())


def test_an_account_is_exported_and_erased(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor, capsys: pytest.CaptureFixture[str]
) -> None:
    """Export by any of its names; afterwards its tokens are refused, and there is no such user."""
    ada = make_user("ada")
    users.export(Context(), "ada@test.example")
    entries = json.loads(capsys.readouterr().out)
    assert [entry["item"]["username"] for entry in entries if entry["kind"] == "user"] == ["ada"]
    token = token_for(ada)
    users.erase(Context(), "ada")
    assert capsys.readouterr().out.startswith("ada is erased.")
    assert api("GET", "/api/v1/users/me", token=token).status == 401
    refused("no user", users.erase, "ada")


def test_the_last_leader_of_a_team_is_not_erased(user: User) -> None:
    """The message says which team."""
    team = create_team("Engines", user.id, "user")
    refused(f"Engines ({team.id})", users.erase, user.username)
