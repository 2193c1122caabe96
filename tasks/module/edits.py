"""What a new resource puts into files that are there, and where: found by the surrounding code."""

import re
from collections.abc import Callable, Iterable, Sequence

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
README_ROW = "| list, create and change $words | [$Words]($things.md) |\n"
NEWS = """
- $Words: list, create, read, change and delete them
  ([docs/$things.md](docs/$things.md)).
"""
PROJECT, ARCHITECTURE = "pyproject.toml", "docs/architecture.md"
# A file, the place of something new in it (from the file's text to an offset), and what is new: a template.
Edit = tuple[str, Callable[[str], int], str]


def edits(targets: Sequence[str] = ()) -> Iterable[Edit]:
    """List the edits for a resource that refers to others."""
    return (
        ("app.py", before(r"^from chalicelib\."), "from chalicelib.$things import handlers as $things\n"),
        ("app.py", before(r'^api\.group\("OAuth2 tokens"'), ROUTES),
        ("chalicelib/db/keys.py", len, KEYS),
        ("chalicelib/scopes.py", in_literal("SCOPES"), SCOPES),
        *_layers(targets),
        (PROJECT, before(r'^ +"chalicelib\.audit", '), '    "chalicelib.$things",\n'),
        ("schemathesis.toml", before('"listUsers"'), '"list$Things", '),
        ("schemathesis.toml", before('"createUser"]'), "$fuzzed"),
        ("tests/api/expected_access.py", in_literal("EXPECTED"), ACCESS),
        ("tests/db/test_keys.py", in_literal("KINDS"), "    keys.$thing,\n"),
        ("docs/README.md", after(r"^\|.*\(teams\.md\) \|\n"), README_ROW),
        (ARCHITECTURE, after(r"^\| `cleanup` .*\n"), KEY_ROW),
        ("CHANGELOG.md", after(r"^## Unreleased\n+### Added\n"), NEWS),
    )


def _layers(targets: Sequence[str]) -> Iterable[Edit]:
    """List the edits for its place among the layers: beside teams, or right above what it refers to."""
    room = '        $things["$things<br>a resource"]\n'
    if not targets:
        return (
            (PROJECT, after(r'^    "(?=(\w+ \| )*oauth \| )'), "$things | "),
            (ARCHITECTURE, after(r"^ +teams\[.*\n"), room),
        )
    names = "|".join(targets)
    floor = rf"^    subgraph (\w+) .*\n( {{8}}.*\n)*? {{8}}({names})\["

    def above_floor(text: str) -> int:
        return before(rf"(?<=--> ){_match(floor, text)[1]}\b")(text)

    return (
        (PROJECT, before(rf'^    "(\w+ \| )*({names})( \| \w+)*",$'), '    "$things",\n'),
        (ARCHITECTURE, above_floor, "${things}_floor --> "),
        (ARCHITECTURE, before(floor), f'    subgraph ${{things}}_floor [" "]\n{room}    end\n'),
    )


def before(pattern: str) -> Callable[[str], int]:
    """Find the place before the first match of a pattern, in which ^ is the beginning of a line."""
    return lambda text: _match(pattern, text).start()


def after(pattern: str) -> Callable[[str], int]:
    """Find the place behind the first match of a pattern."""
    return lambda text: _match(pattern, text).end()


def in_literal(name: str) -> Callable[[str], int]:
    """Find the end of a dict or list that a module has under a name."""
    return after(rf"^{name}\b.* = [{{\[]\n(.*\n)*?(?=[}}\]]$)")


def _match(pattern: str, text: str) -> re.Match[str]:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise LookupError(f"nothing matches {pattern}")
    return found
