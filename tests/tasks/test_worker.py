"""What `make run` says of code that cannot be imported."""

from pathlib import Path

import pytest

from tasks.worker import OWN_HOST, PROJECT, describe


def raised(code: str, path: Path) -> BaseException:
    """Run code as a file, and return what it raises."""
    try:
        exec(compile(code, str(path), "exec"), {})  # noqa: S102 - code that stands below
    except Exception as error:  # noqa: BLE001 - as above
        return error
    raise AssertionError(code)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("x = 1\ndef (", "line 2: SyntaxError: invalid syntax"),
        ("\n\nmissing", "line 3: NameError: name 'missing' is not defined"),
        ("import no_such", "line 1: ModuleNotFoundError: No module named 'no_such'"),
        ("raise ValueError('a\\n  b')", "line 1: ValueError: a b"),
        ("import json\njson.loads('')", "line 2: JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
        (
            "try:\n  compile('(', 'x', 'exec')\nexcept SyntaxError:\n  raise RuntimeError",
            "SyntaxError: '(' was ",
        ),
    ],
)
def test_an_error_is_one_line_with_its_place(code: str, text: str) -> None:
    """The place is the last line of this project, not of a library; Chalice's wrapping is taken off."""
    said = describe(raised(code, PROJECT / "chalicelib" / "db" / "keys.py"))
    assert text in said
    assert said.startswith("chalicelib/db/keys.py, ") or "'('" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("127.0.0.1:8000", True),
        ("localhost", True),
        ("[::1]:8000", True),
        ("127.0.0.1.rebound.example", False),
    ],
)
def test_the_place_of_an_error_is_for_this_machine_only(host: str, is_own: bool) -> None:
    """A page whose name was rebound to this address (DNS rebinding) is not told."""
    assert bool(OWN_HOST.fullmatch(host)) is is_own
