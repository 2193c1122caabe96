"""Tasks that do what the API does, by its own code: the call that they make of it, and what they refuse."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.db import keys
from chalicelib.db.table import get_many
from chalicelib.errors import InvalidValueError
from chalicelib.security.keystore import Keystore
from chalicelib.settings import Settings
from chalicelib.users.models import UniqueName, User
from chalicelib.web.operation import Call
from chalicelib.web.request import Request
from tasks.errors import TaskError

NOWHERE = "none"  # in the place of the address that a request comes from


@dataclass
class TaskCall(Call):
    """A task in the place of a request: it acts for no account, and comes from no address."""

    keys: Keystore = field(init=False, repr=False)  # a task neither issues tokens nor verifies any


def task_call(task: str, settings: Settings) -> TaskCall:
    """Make the call of a task; the audit trail names the task in the place of a request.

    :param task: such as users.create.
    """
    request = Request(
        method="",
        path="",
        headers={},
        query={},
        body=None,
        source=NOWHERE,
        request_id=f"invoke {task}",
        base_url="",
    )
    return TaskCall(request, {}, settings)


def find_user(text: str) -> User:
    """Find a user by id, username or e-mail address.

    :raises TaskError: there is none.
    """
    by_id = keys.user(text)
    names = [keys.username(text), keys.email(text)]
    found = get_many([by_id, *names] if keys.is_id(text) else names)
    # Ids come first: somebody may have taken another one's id as username.
    user = found.get(by_id)
    for name in names:
        marker = found.get(name)
        if user is None and isinstance(marker, UniqueName):
            user = get_many([keys.user(marker.user_id)]).get(keys.user(marker.user_id))
    if not isinstance(user, User):
        raise TaskError(f"There is no user with this username, e-mail address or id: {text}")
    return user


def flaws(error: InvalidValueError, options: Mapping[str, str]) -> TaskError:
    """Say which arguments are wrong, each in a line.

    :param options: what a field is called on the command line, where it is not --FIELD.
    """
    lines = []
    for violation in error.errors:
        name = violation.get("pointer", "").split("/")[1]
        lines.append(f"{options.get(name, f'--{name}')}: {violation['detail']}")
    return TaskError("\n".join(lines))
