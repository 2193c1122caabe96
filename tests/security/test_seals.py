"""Sealed texts: data that callers keep for the server and cannot change."""

import base64
import re

import pytest

from chalicelib.security.seals import seal, unseal

KEY = b"0" * 32
TEXTS = ["", "x", "crème brûlée", "line\nline", "?" * 100]


@pytest.mark.parametrize("text", TEXTS)
def test_what_was_sealed_comes_back(text: str) -> None:
    """A text of any length survives the way to a caller and back."""
    assert unseal(KEY, "page", seal(KEY, "page", text)) == text


def test_no_ending_of_a_text_is_lost() -> None:
    """Whatever its last character, and wherever base64 ends."""
    texts = ["a" * length + chr(last) for length in range(3) for last in range(32, 127)]
    assert [unseal(KEY, "page", seal(KEY, "page", text)) for text in texts] == texts


@pytest.mark.parametrize("text", TEXTS)
def test_a_sealed_text_needs_no_escaping_in_a_url(text: str) -> None:
    """RFC 3986 §2.3: only unreserved characters, so no padding either."""
    assert re.fullmatch(r"[A-Za-z0-9_-]+", seal(KEY, "page", text))


def test_a_seal_is_for_one_purpose() -> None:
    """What was sealed for one page opens no other; nor does moving a part of the text into the purpose."""
    sealed = seal(KEY, "page", "a\nb")
    assert [unseal(KEY, purpose, sealed) for purpose in ("other", "", "page\na")] == [None, None, None]


def test_a_seal_is_of_one_key() -> None:
    """A stage opens nothing of another stage."""
    assert unseal(b"1" * 32, "page", seal(KEY, "page", "x")) is None


def test_nothing_about_a_sealed_text_can_be_changed() -> None:
    """Neither MAC nor text, in any character."""
    sealed = seal(KEY, "page", "user 17")
    changed = [
        sealed[:place] + other + sealed[place + 1 :]
        for place in range(len(sealed))
        for other in "AQgw9-_"
        if other != sealed[place]
    ]
    assert {unseal(KEY, "page", text) for text in changed} == {None}


GENUINE = seal(KEY, "page", "user 17")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "AAAA",
        GENUINE + "=",
        GENUINE + "A",
        GENUINE + "\n",
        " " + GENUINE,
        GENUINE[:5] + "." + GENUINE[5:],
        GENUINE[:-1],
        GENUINE + "é",
        base64.urlsafe_b64encode(b"user 17").decode(),
        base64.urlsafe_b64encode(b"0" * 16 + b"\xff").decode(),
    ],
)
def test_other_spellings_and_garbage_open_nothing(text: str) -> None:
    """A sealed text has one spelling; the rest is refused without any other error."""
    assert unseal(KEY, "page", text) is None
