"""Users for operators: create, list, disable, enable, export and erase them, and change their passwords."""

import getpass
import json
import sys
from typing import Any

from chalicelib.context import Context, run
from chalicelib.db import counters, keys
from chalicelib.db.table import get_many, query
from chalicelib.errors import InvalidValueError
from chalicelib.privacy.actions import erase_user
from chalicelib.privacy.export import read_all
from chalicelib.privacy.kinds import person_of
from chalicelib.security.passwords import password_flaw
from chalicelib.users import actions
from chalicelib.users.models import User
from chalicelib.users.schemas import SignUpSchema, UserSchema
from chalicelib.web.body import load_body, schema_of
from tasks.calls import find_user, flaws, print_json
from tasks.data.items import known_kinds
from tasks.errors import TaskError

MARKS = {"is_admin": "admin", "is_internal": "internal"}
OPTIONS = {"password": "The password"}
ATTRIBUTES = (*schema_of(UserSchema).fields, "gsi1sk")


def read_password(*, from_stdin: bool) -> str:
    """Ask for a password twice, without showing it; or read a line from standard input."""
    if from_stdin:
        return _line_of_stdin()
    if not sys.stdin.isatty():
        raise TaskError("Cannot ask for the password (no terminal). Pass it with --password-stdin.")
    try:
        first, second = getpass.getpass("Password: "), getpass.getpass("Again: ")
    except EOFError:
        raise TaskError("No password was given.") from None
    if first != second:
        raise TaskError("The two passwords differ.")
    return first


def _line_of_stdin() -> str:
    line = sys.stdin.buffer.readline()
    try:
        return line.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise TaskError("The password is not UTF-8.") from None


def create(context: Context, names: dict[str, str], password: str, roles: dict[str, bool]) -> User:
    """Write a new user, as a sign-up does; the captcha is left out, and any role may be given.

    :param names: username and email.
    :param roles: is_admin and is_internal.
    """
    flags = {name: True for name, given in roles.items() if given}
    try:
        fields = load_body(SignUpSchema, {**names, **flags, "password": password})
        del fields["recaptcha_key"]
        return run(context, lambda fresh: actions.create_user(fresh, **fields))
    except InvalidValueError as error:
        raise flaws(error, OPTIONS) from error


def set_active(context: Context, text: str, *, active: bool) -> str:
    """Disable or enable a user, as a PATCH does, and return the result as text."""
    user = find_user(text)
    done = "enabled" if active else "disabled"
    if user.is_active == active:
        return f"{user.username} is {done} already."
    _change(context, user, {"is_active": active})
    return f"{user.username} is {done}." + ("" if active else " All tokens of this account have ended.")


def set_password(context: Context, user: User, password: str) -> None:
    """Change a user's password, as a PATCH does; all of the account's tokens end."""
    flaw = password_flaw(password)
    if flaw:
        raise TaskError(flaw)
    try:
        _change(context, user, {"password": password})
    except InvalidValueError as error:
        raise flaws(error, OPTIONS) from error


def erase(context: Context, text: str) -> str:
    """Erase a user, as the API does, and return the result as text."""
    user = find_user(text)
    run(context, lambda fresh: erase_user(fresh, find_user(user.id)))
    return f"{user.username} is erased. What else names the person goes within minutes, by clean_up."


def export(text: str) -> None:
    """Print everything that names a user as JSON, as the API shows it."""
    known_kinds()  # whatever the task did not import names people, too
    user = find_user(text)
    print(json.dumps(list(read_all(person_of(user))), indent=2, ensure_ascii=False))


def _change(context: Context, user: User, changes: dict[str, Any]) -> None:
    run(context, lambda fresh: actions.change_user(fresh, find_user(user.id), changes))


def show(limit: int | None, *, as_json: bool) -> None:
    """Print users in the order of their creation; without a limit, all of them."""
    users = query(User, keys.USERS, limit=limit, attributes=ATTRIBUTES)
    if as_json:
        print_json(UserSchema, users)
        return
    width = max((len(user.username) for user in users), default=0)
    for user in users:
        print(f"{user.id}  {user.username:{width}}  {user.email}  {described(user)}".rstrip())
    total = counters.total(keys.USERS, get_many(counters.every_shard(keys.USERS)))
    more = ": --all shows all of them" if limit is not None and total > len(users) else ""
    print(f"{len(users)} of {total} users{more}.")


def described(user: User) -> str:
    """Return the roles of an account, and whether it is disabled."""
    marks = [word for flag, word in MARKS.items() if getattr(user, flag)]
    marks += [] if user.is_active else ["disabled"]
    marks += [] if user.is_regular_user else ["read only"]
    return f"({', '.join(marks)})" if marks else ""
