"""Normalized text, and the only caller of `unicodedata.normalize`, which is quadratic in a run of marks.

What it gets is bounded first, in length and by the Stream-Safe Text Format (UAX #15 §13): its work is linear.
"""

import re
import unicodedata

# An email address as every mail server takes it: RFC 5321 also knows quoted names and addresses of hosts.
ADDRESS = re.compile(r"[^\s<>()\[\],;:\\\"@]+@[^\s<>()\[\],;:\\\"@]+")
MAX_MARKS = 30  # combining marks in a row (UAX #15, definition D3); no writing system comes near it
MAX_PARTS = 4  # characters of which NFC composes one, at most


class TextError(ValueError):
    """Raised for a text that is not normalized."""


class TooLongError(TextError):
    """Raised for a text with more characters than it may have."""


class ManyMarksError(TextError):
    """Raised for a text that is not stream-safe; the message says what it must be like."""


def nfc(text: str, most: int) -> str:
    """Return a text in NFC.

    :param most: characters that the result may have.
    :raises TextError: it has more, or is not stream-safe.
    """
    result = _normalize("NFC", text, MAX_PARTS * most)
    if len(result) > most:
        raise TooLongError
    return result


def fold(text: str, most: int) -> str:
    """Return a text in the form in which spellings that look alike are the same (NFKC and casefold).

    :param most: characters that the text may have as it is; the result may have 18 times as many.
    :raises TextError: it has more, or is not stream-safe.
    """
    return unicodedata.normalize("NFKC", _normalize("NFKC", text, most).casefold())


def _normalize(form: str, text: str, most: int) -> str:
    if len(text) > most:
        raise TooLongError
    if text.isascii():
        return text
    if not is_stream_safe(text):
        raise ManyMarksError(f"Must have at most {MAX_MARKS} combining marks in a row.")
    return unicodedata.normalize(form, text)  # type: ignore[arg-type]


def is_stream_safe(text: str) -> bool:
    """Whether a text has few combining marks in a row, its characters decomposed one by one."""
    marks = {
        character: [unicodedata.combining(part) for part in unicodedata.normalize("NFKD", character)]
        for character in set(text)
    }
    run = 0
    for character in text:
        for mark in marks[character]:
            run = run + 1 if mark else 0
            if run > MAX_MARKS:
                return False
    return True
