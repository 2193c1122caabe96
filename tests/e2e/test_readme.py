"""The README's tour, word by word."""

import json
import re
import subprocess
from functools import cache
from typing import Any

import pytest

from tasks.processes import project_folder
from tests.e2e.stack import Stack

MARK = "=== next block ==="
README = (project_folder() / "README.md").read_text("utf-8")
TOUR = README.split("## A tour with curl")[1].split("\n## ")[0]
BLOCKS = re.findall(r"```sh\n(.*?)```", TOUR, re.DOTALL)
# What has to stand in the output of the block that holds the words.
EXPECTED = [
    ("field()", ""),
    ("-u documentation:", '"token_type":"Bearer"'),
    ("/api/v1/users/me", "HTTP/1.1 200"),
    ("users?limit=2", "x-total-count: 3"),
    ("grant_type=refresh_token", ""),
    ("grant_type=client_credentials", '"scope":"teams:read"'),
    ("title=Explorers", '"title":"Explorers"'),
    ("-X PATCH", '"title":"Pioneers"'),
    ("-X OPTIONS", "allow: delete, get, head, options, patch"),
    ('"username": "ada"', '"username":"ada"'),
    ("title=no", '"status":422'),
    ("oauth2/revoke", "HTTP/1.1 401"),
]


@cache
def outputs(url: str) -> list[str]:
    """Paste the whole tour into one shell, and return what each block printed."""
    script = f"\necho '{MARK}'\n".join(BLOCKS).replace("http://127.0.0.1:8000", url)
    done = subprocess.run(  # noqa: S603 - our own README
        ["bash", "-e", "-c", script],  # noqa: S607 - what the user pastes it into
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.split(MARK)


@pytest.mark.parametrize(("words", "expected"), EXPECTED, ids=[words for words, _ in EXPECTED])
def test_each_step_of_the_tour_does_what_it_says(stack: Stack, words: str, expected: str) -> None:
    """What the README claims, a fresh server shows."""
    position = next(index for index, block in enumerate(BLOCKS) if words in block)
    assert expected.lower() in outputs(stack.url)[position].lower()


def paste(blocks: list[str], url: str) -> subprocess.CompletedProcess[str]:
    """Paste blocks into one shell, which ends where one of them fails."""
    script = "\n".join(blocks).replace("http://127.0.0.1:8000", url)
    command = ["bash", "-e", "-o", "pipefail", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - as above


def test_the_tour_can_be_pasted_twice(stack: Stack) -> None:
    """Each block can be repeated, too: what it needs from earlier ones is still there."""
    twice = [block for block in BLOCKS for _ in range(2)]
    for blocks in (BLOCKS * 2, twice[: twice.index(BLOCKS[-1])]):
        done = paste(blocks, stack.url)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert "invalid_grant" not in done.stdout


def test_a_refresh_leads_to_the_next_one(stack: Stack) -> None:
    """The block may come again an hour later: each time the next refresh token is kept."""
    refresh = next(block for block in BLOCKS if "grant_type=refresh_token" in block)
    show = "echo refresh: $REFRESH"
    done = paste([*BLOCKS[:2], show, refresh, show, refresh, show], stack.url)
    assert len(set(re.findall("refresh: .*", done.stdout))) == 3


def test_a_field_that_is_not_there_shows_what_came_instead(stack: Stack) -> None:
    """Rather than a traceback: here the error of a token endpoint."""
    done = paste(
        [BLOCKS[0], "curl -s $API/auth/oauth2/token -d grant_type=x | field access_token"], stack.url
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "unsupported_grant_type" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_problem_that_the_readme_shows_is_the_one_that_comes(stack: Stack) -> None:
    """All of it but the request id."""
    match = re.search(r"```json\n(.*?)```", TOUR, re.DOTALL)
    assert match
    shown: dict[str, Any] = json.loads(match[1].replace("http://127.0.0.1:8000", stack.url))
    position = next(index for index, block in enumerate(BLOCKS) if "title=no" in block)
    came = json.loads(outputs(stack.url)[position])
    assert {**shown, "request_id": ""} == {**came, "request_id": ""}
