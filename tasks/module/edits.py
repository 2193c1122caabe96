"""What a new resource puts into files that are there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tasks.module.places import Place, above_floor, after, before, end, in_literal, in_sorted_dict

ROUTES = """\
api.group("$Words", "List, create, read, change and delete $words.")
api.route("GET", "/api/v1/$things", $things.list_$things)
api.route("POST", "/api/v1/$things", $things.create_$thing)
api.route("GET", "/api/v1/$things/{${thing}_id}", $things.get_$thing)
api.route("PATCH", "/api/v1/$things/{${thing}_id}", $things.patch_$thing)
api.route("DELETE", "/api/v1/$things/{${thing}_id}", $things.delete_$thing)
$reference_routes
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
    ("GET", "/api/v1/$things"): Access("$things:read", $list_row),
    ("POST", "/api/v1/$things"): Access("$things:write", $create_row, 201),
    ("GET", "/api/v1/$things/{${thing}_id}"): Access("$things:read", $get_row),
    ("PATCH", "/api/v1/$things/{${thing}_id}"): Access("$things:write", $change_row),
    ("DELETE", "/api/v1/$things/{${thing}_id}"): Access("$things:write", $change_row, 204),
$reference_access"""
UNMEASURED = """\
    "GET /api/v1/$things",
    "POST /api/v1/$things",
    "GET /api/v1/$things/{${thing}_id}",
    "PATCH /api/v1/$things/{${thing}_id}",
    "DELETE /api/v1/$things/{${thing}_id}",
$reference_unmeasured"""


@dataclass(frozen=True)
class Edit:
    """Text for a place in a file."""

    path: str
    place: Place
    text: str


def edits(things: str, targets: Sequence[str] = ()) -> Iterable[Edit]:
    """List the edits for a resource; their texts are templates.

    :param things: its name in the plural.
    :param targets: the resources that it refers to, and so imports.
    """
    project = "pyproject.toml"
    return (
        Edit("app.py", before(r"^from chalicelib\."), "from chalicelib.$things import handlers as $things\n"),
        Edit("app.py", before(r'^api\.group\("OAuth2 tokens"'), ROUTES),
        Edit("chalicelib/db/keys.py", end, KEYS),
        Edit("chalicelib/scopes.py", in_sorted_dict("SCOPES", things), SCOPES),
        *_layers(targets),
        Edit(project, before(r'^ +"chalicelib\.audit", '), '    "chalicelib.$things",\n'),
        Edit("benchmarks/operations.py", in_literal("UNMEASURED"), UNMEASURED),
        Edit("schemathesis.toml", before('"listUsers"'), '"list$Things", '),
        Edit("schemathesis.toml", before('"createUser"]'), "$fuzzed"),
        Edit("tests/api/expected_access.py", in_literal("EXPECTED"), ACCESS),
        Edit("tests/db/test_keys.py", in_literal("KINDS"), "    keys.$thing,\n"),
        Edit(
            "docs/README.md",
            after(r"^\|.*\(teams\.md\) \|\n"),
            "| list, create and change $words | [$Words]($things.md) |\n",
        ),
        Edit("docs/architecture.md", after(r"^\| `cleanup` .*\n"), KEY_ROW),
        Edit(
            "CHANGELOG.md",
            after(r"^## Unreleased\n+### Added\n"),
            "\n- $Words: list, create, read, change and delete them\n"
            "  ([docs/$things.md](docs/$things.md)).\n",
        ),
    )


def _layers(targets: Sequence[str]) -> Iterable[Edit]:
    """List the edits for its place among the layers: beside teams, or right above what it refers to."""
    project, page, room = (
        "pyproject.toml",
        "docs/architecture.md",
        '        $things["$things<br>a resource"]\n',
    )
    if not targets:
        return (
            Edit(project, after(r'^    "(?=(\w+ \| )*oauth \| )'), "$things | "),
            Edit(page, after(r"^ +teams\[.*\n"), room),
        )
    names = "|".join(targets)
    return (
        Edit(project, before(rf'^    "(\w+ \| )*({names})( \| \w+)*",$'), '    "$things",\n'),
        Edit(page, above_floor(names), "${things}_floor --> "),
        Edit(
            page,
            before(rf"^    subgraph \w+ .*\n( {{8}}.*\n)*? {{8}}({names})\["),
            f'    subgraph ${{things}}_floor [" "]\n{room}    end\n',
        ),
    )
