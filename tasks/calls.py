"""Tasks that do what the API does, by its own actions: what they find, show and refuse."""

import json
from collections.abc import Mapping, Sequence

from marshmallow import Schema

from chalicelib.db import keys
from chalicelib.db.table import Item, get_many
from chalicelib.db.unique import UniqueName
from chalicelib.errors import InvalidValueError
from chalicelib.users.models import User
from chalicelib.web.body import schema_of
from tasks.errors import TaskError


def find_user(text: str) -> User:
    """Find a user by id, username or e-mail address.

    :raises TaskError: there is no such user.
    """
    by_id = keys.user(text)
    names = [keys.username(text), keys.email(text)]
    found = get_many([by_id, *names] if keys.is_id(text) else names)
    # Ids come first: a username may be the id of another user.
    user = found.get(by_id)
    for name in names:
        marker = found.get(name)
        if user is None and isinstance(marker, UniqueName):
            user = get_many([keys.user(marker.item_id)]).get(keys.user(marker.item_id))
    if not isinstance(user, User):
        raise TaskError(f"There is no user with this username, e-mail address or id: {text}")
    return user


def flaws(error: InvalidValueError, options: Mapping[str, str]) -> TaskError:
    """Return which arguments are wrong, each in a line.

    :param options: what a field is called on the command line, where it is not --FIELD.
    """
    lines = []
    for violation in error.errors:
        name = violation.get("pointer", "").split("/")[1]
        lines.append(f"{options.get(name, f'--{name}')}: {violation['detail']}")
    return TaskError("\n".join(lines))


def print_json(schema: type[Schema], found: Item | Sequence[Item]) -> None:
    """Print items as the API shows them.

    :param found: one item, or several.
    """
    shown = schema_of(schema).dump(found, many=not isinstance(found, Item))
    print(json.dumps(shown, indent=2, ensure_ascii=False))
