"""What a new resource puts into files that are there."""

from collections.abc import Iterable
from dataclasses import dataclass

from tasks.module.places import Place, after, before, end, in_literal, in_sorted_dict

ROUTES = """\
api.group("$Words", "List, create, read, change and delete $words.")
api.route("GET", "/api/v1/$things", $things.list_$things)
api.route("POST", "/api/v1/$things", $things.create_$thing)
api.route("GET", "/api/v1/$things/{${thing}_id}", $things.get_$thing)
api.route("PATCH", "/api/v1/$things/{${thing}_id}", $things.patch_$thing)
api.route("DELETE", "/api/v1/$things/{${thing}_id}", $things.delete_$thing)

"""
KEYS = '''

def $thing(${thing}_id: str) -> Key:
    """Key of $a_word."""
    return Key(f"$THING#{${thing}_id}", "$THING")


$THINGS = "$THINGS"
'''
KEY_ROW = "| `$thing` | `$THING#{${thing}_id}` | `$THING` | `$THINGS` |\n"
SCOPES = """\
    "$things:read": "Look at $words.",
    "$things:write": "Create, change and delete $words.",
"""
ACCESS = """\
    ("GET", "/api/v1/$things"): Access("$things:read", "active user", _ALL),
    ("POST", "/api/v1/$things"): Access("$things:write", "write access", frozenset(WRITERS), 201),
    ("GET", "/api/v1/$things/{${thing}_id}"): Access("$things:read", "active user", _ALL),
    ("PATCH", "/api/v1/$things/{${thing}_id}"): Access(
        "$things:write", "(owner or admin) with write access", OWNER_OR_ADMIN_WRITER
    ),
    ("DELETE", "/api/v1/$things/{${thing}_id}"): Access(
        "$things:write", "(owner or admin) with write access", OWNER_OR_ADMIN_WRITER, 204
    ),
"""
UNMEASURED = """\
    "GET /api/v1/$things",
    "POST /api/v1/$things",
    "GET /api/v1/$things/{${thing}_id}",
    "PATCH /api/v1/$things/{${thing}_id}",
    "DELETE /api/v1/$things/{${thing}_id}",
"""


@dataclass(frozen=True)
class Edit:
    """Text for a place in a file."""

    path: str
    place: Place
    text: str


def edits(things: str) -> Iterable[Edit]:
    """List the edits for a resource; their texts are templates.

    :param things: its name in the plural.
    """
    project = "pyproject.toml"
    return (
        Edit("app.py", before(r"^from chalicelib\."), "from chalicelib.$things import handlers as $things\n"),
        Edit("app.py", before(r'^api\.group\("OAuth2 tokens"'), ROUTES),
        Edit("chalicelib/db/keys.py", end, KEYS),
        Edit("chalicelib/scopes.py", in_sorted_dict("SCOPES", things), SCOPES),
        Edit(project, after(r'^    "(?=(\w+ \| )*oauth \| )'), "$things | "),
        Edit(project, before(r'^ +"chalicelib\.audit", '), '    "chalicelib.$things",\n'),
        Edit("benchmarks/operations.py", in_literal("UNMEASURED"), UNMEASURED),
        Edit("schemathesis.toml", before('"listUsers"'), '"list$Things", '),
        Edit("schemathesis.toml", before('"createUser"]'), "$fuzzed"),
        Edit("tests/api/expected_access.py", in_literal("EXPECTED"), ACCESS),
        Edit("tests/db/test_keys.py", in_literal("KINDS"), "    keys.$thing,\n"),
        Edit(
            "README.md",
            after(r"^\|.*\| a resource each:.*\n"),
            "| `chalicelib/$things/` | the same for [$words](docs/$things.md) |\n",
        ),
        Edit("docs/architecture.md", after(r"^ +teams\[.*\n"), '        $things["$things<br>a resource"]\n'),
        Edit("docs/architecture.md", after(r"^\| `cleanup` .*\n"), KEY_ROW),
        Edit(
            "CHANGELOG.md",
            after(r"^## Unreleased\n+### Added\n"),
            "\n- $Words: list, create, read, change and delete them\n"
            "  ([docs/$things.md](docs/$things.md)).\n",
        ),
    )
