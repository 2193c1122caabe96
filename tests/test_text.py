"""Text is normalized within bounds that are looked at first."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import text as texts
from chalicelib.text import MAX_MARKS, ManyMarksError, TooLongError, fold, is_stream_safe, nfc

ACUTE, GRAVE = "\u0301", "\u0316"  # two classes: normalizing sorts them
DOUBLE = "\u0f73"  # of no class itself, and two marks when it is decomposed


@pytest.fixture
def normalized(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect how long each text is that is normalized; single characters aside."""
    lengths: list[int] = []
    genuine = unicodedata.normalize

    def spy(form: str, text: str) -> str:
        lengths.extend([len(text)] if len(text) > 1 else [])
        return genuine(form, text)  # type: ignore[arg-type]

    monkeypatch.setattr(texts.unicodedata, "normalize", spy)  # type: ignore[attr-defined]
    return lengths


@pytest.mark.parametrize("text", ["a" + ACUTE * 31, GRAVE * 40, "a" + ACUTE * 16 + GRAVE * 15, DOUBLE * 16])
@pytest.mark.parametrize("change", [nfc, fold])
def test_a_run_of_marks_is_refused_before_it_is_normalized(
    normalized: list[int], text: str, change: object
) -> None:
    """UAX #15 D3: at most 30 in a row, however many of them one character stands for."""
    with pytest.raises(ManyMarksError, match="30 combining marks in a row"):
        change(text, 100)  # type: ignore[operator]
    assert normalized == []


@pytest.mark.parametrize("text", ["a" * 401, ACUTE * 75_000 + GRAVE * 75_000])
def test_a_text_that_is_too_long_is_refused_before_it_is_looked_at(normalized: list[int], text: str) -> None:
    """Only its length is checked."""
    for change, most in ((nfc, 100), (fold, 400)):
        with pytest.raises(TooLongError):
            change(text, most)
    assert normalized == []


@pytest.mark.parametrize("marks", [0, 1, 29, 30])
def test_marks_that_writing_needs_are_text(marks: int) -> None:
    """Thirty in a row are fine, as often as there is a letter between them."""
    text = ("a" + GRAVE * marks) * 9
    assert (is_stream_safe(text), nfc(text, 400)) == (True, unicodedata.normalize("NFC", text))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_bounded_text_is_normalized_as_ever(text: str) -> None:
    """Other text is not affected by the bounds."""
    assert nfc(text, 180) == unicodedata.normalize("NFC", text)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    assert fold(text, 60) == folded


@given(st.text(alphabet=[ACUTE, GRAVE, DOUBLE, "\u0344", "\u1f82", "\ufdfa", "a"], max_size=60))
def test_what_is_safe_has_no_long_run_when_decomposed(text: str) -> None:
    """UAX #15 D3 speaks of the whole text in NFKD."""
    run = longest = 0
    for character in unicodedata.normalize("NFKD", text):
        run = run + 1 if unicodedata.combining(character) else 0
        longest = max(longest, run)
    assert is_stream_safe(text) is (longest <= MAX_MARKS)


def test_nfc_composes_at_most_four_characters_to_one() -> None:
    """So a text of four times its limit may still fit, and no longer one."""
    every = (chr(number) for number in range(sys.maxunicode + 1))
    assert max(len(unicodedata.normalize("NFD", character)) for character in every) == texts.MAX_PARTS
    assert nfc(unicodedata.normalize("NFD", "\u1f82") * 9, 9) == "\u1f82" * 9
