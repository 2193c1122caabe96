"""Schema fields: what they take, and that OpenAPI says so."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from marshmallow import Schema, ValidationError

from chalicelib.web.fields import DecimalText, FullDate, Moment, Prose, StoredMoment, Text

PROSE = Prose(min_length=2, max_length=8)
E_ACUTE, E_WITH_ACUTE = "\u00e9", "e\u0301"  # the same letter in NFC and in NFD


@pytest.mark.parametrize("text", ["ab", "a\nb", "\ta\r\nb\n", "a\u2028b", "\u00e9" * 8])
def test_prose_may_have_lines(text: str) -> None:
    """Tabs and ends of lines are the only control characters; the documented pattern takes them, too."""
    assert PROSE.deserialize(text) == text
    assert re.search(PROSE.metadata["pattern"], text)


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "a\x85b", " \n\t ", "\x0b\x0c"])
def test_prose_is_text(text: str) -> None:
    """Other control characters, and text of only blanks, are refused, as the documented pattern says."""
    with pytest.raises(ValidationError):
        PROSE.deserialize(text)
    assert not re.search(PROSE.metadata["pattern"], text)


@pytest.mark.parametrize("value", ["a", "x" * 9, E_WITH_ACUTE, 5, None, ["ab"]])
def test_prose_has_limits(value: Any) -> None:
    """Lengths are those in NFC."""
    with pytest.raises(ValidationError):
        PROSE.deserialize(value)


def test_prose_is_kept_in_nfc() -> None:
    """As all text is."""
    assert PROSE.deserialize(E_WITH_ACUTE * 8) == E_ACUTE * 8


@pytest.mark.parametrize("text", ["a\nb", "a\x00b", "a\u2028b", "Pay\u202ePal", "\u2066a\u2069", "  "])
def test_a_line_is_one_line_that_runs_one_way(text: str) -> None:
    """No ends of lines, and nothing that shows what follows backwards, such as the name of an app."""
    with pytest.raises(ValidationError):
        Text(max_length=8).deserialize(text)
    assert not re.search(Text(max_length=8).metadata["pattern"], text)


@pytest.mark.parametrize("text", ["", "שלום", "\u200fab", "नी\u200d", "👩\u200d🚀"])
def test_a_line_may_be_of_any_script(text: str) -> None:
    """Joiners and marks that scripts and emoji need are text."""
    assert Text(max_length=8).deserialize(text) == text
    assert re.search(Text(max_length=8).metadata["pattern"], text)


NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T12:00:00Z", NOON),
        ("2026-01-31t12:00:00z", NOON),
        ("2026-01-31T14:30:00+02:30", NOON),
        ("2026-01-31T12:00:00.5Z", NOON + timedelta(seconds=0.5)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_stored_moment_is_in_utc(text: str, moment: datetime) -> None:
    """Timestamps are RFC 3339 UTC; other offsets say the same moment."""
    loaded = StoredMoment().deserialize(text)
    assert (loaded, loaded.utcoffset()) == (moment, timedelta(0))


@pytest.mark.parametrize("hours", [0, 2, -5])
def test_a_moment_is_sent_in_utc_with_z(hours: int) -> None:
    """RFC 3339 allows +00:00 too, but strict validators refuse it, and in a query its + is a blank."""
    there = NOON.astimezone(timezone(timedelta(hours=hours)))
    sent = Schema.from_dict({"at": Moment()})().dump({"at": there})
    assert sent == {"at": "2026-01-31T12:00:00Z"}


def test_a_plus_that_became_a_blank_is_explained() -> None:
    """A form or a query string has blanks where a + was pasted in."""
    with pytest.raises(ValidationError, match="Write the \\+ of the offset as %2B"):
        Moment().deserialize("2026-01-31T14:30:00 02:30")


BAD_TIMES = [
    "2026-01-31",
    "2026-01-31T12:00:00",
    "2026-01-31 12:00:00Z",
    "2026-01-31T12:00Z",
    "2026-02-30T12:00:00Z",
    "2026-01-31T25:00:00Z",
    "2026-01-31T12:00:00+25:00",
    "\u0662026-01-31T12:00:00Z",
    "",
    0,
    None,
]


@pytest.mark.parametrize("value", BAD_TIMES)
def test_what_is_no_moment(value: Any) -> None:
    """RFC 3339 §5.6: date, time and offset, all of them real."""
    with pytest.raises(ValidationError):
        Moment().deserialize(value)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_a_moment_that_can_not_be_stored(text: str) -> None:
    """It is a moment, but in UTC it is in a year that no calendar here has."""
    assert Moment().deserialize(text).tzinfo is not None
    with pytest.raises(ValidationError):
        StoredMoment().deserialize(text)


@pytest.mark.parametrize("text", ["2026-01-31", "2024-02-29", "0001-01-01", "9999-12-31"])
def test_a_date_is_kept_as_it_is(text: str) -> None:
    """RFC 3339 §5.6: full-date."""
    assert FullDate().deserialize(text) == text


BAD_DATES = [
    "20260131",
    "2026-W05-6",
    "2026-1-31",
    "2026-02-30",
    "2026-01-31T12:00:00Z",
    "\u0662026-01-31",
    "",
    5,
]


@pytest.mark.parametrize("value", BAD_DATES)
def test_what_is_no_date(value: Any) -> None:
    """Other forms of ISO 8601, days that no month has, and moments are refused."""
    with pytest.raises(ValidationError):
        FullDate().deserialize(value)


LONG = "9" * 19 + "." + "9" * 18  # 37 digits: more than Python's context has, fewer than DynamoDB takes
PRICE = DecimalText(least="-5", most="1000", places=2)


@pytest.mark.parametrize(
    ("text", "sent"),
    [("0", "0.00"), ("12.5", "12.50"), ("-5", "-5.00"), ("1000.00", "1000.00"), ("-0.0", "0.00")],
)
def test_a_decimal_is_sent_with_all_its_places(text: str, sent: str) -> None:
    """The documented pattern takes what was sent and what is sent; zero has no sign."""
    schema = Schema.from_dict({"price": PRICE})()
    assert schema.dump(schema.load({"price": text})) == {"price": sent}
    assert all(re.search(PRICE.metadata["pattern"], each) for each in (text, sent))


def test_a_decimal_is_exact() -> None:
    """No digit of a long one is rounded, on the way in or out."""
    field = DecimalText(least=f"-{LONG}", most=LONG, places=18)
    schema = Schema.from_dict({"price": field})()
    loaded = schema.load({"price": f"-{LONG}"})
    assert (loaded["price"], schema.dump(loaded)["price"]) == (Decimal(f"-{LONG}"), f"-{LONG}")


BAD_DECIMALS = [
    "",
    "1.234",
    "01",
    "+1",
    ".5",
    "5.",
    "1e2",
    "NaN",
    "Infinity",
    " 1",
    "1\n",
    "\u0661",
    "1,5",
    1,
    1.5,
]


@pytest.mark.parametrize("value", BAD_DECIMALS)
def test_what_is_no_decimal(value: Any) -> None:
    """Numbers of JSON are refused, since parsers round them; the pattern refuses the texts, too."""
    with pytest.raises(ValidationError, match="Must be a text"):
        PRICE.deserialize(value)
    assert not isinstance(value, str) or not re.search(PRICE.metadata["pattern"].replace("$", r"\Z"), value)


@pytest.mark.parametrize("text", ["-5.01", "1000.01", "9999", "-9"])
def test_a_decimal_has_limits(text: str) -> None:
    """The message has them."""
    with pytest.raises(ValidationError, match="from -5 to 1000 with at most 2 digits"):
        PRICE.deserialize(text)
