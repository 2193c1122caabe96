"""Schema fields that are stricter than marshmallow's, as JSON and OpenAPI have it."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields

from chalicelib.db.keys import CLIENT_ID, ULID, is_id
from chalicelib.text import ManyMarksError, TooLongError, nfc

# What Text takes, as OpenAPI has it: no control characters or line ends, nothing that makes the text around
# it run backwards (UAX #9), and not only blanks.
_CONTROL = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069"
ONE_LINE = rf"^([^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*)?$"
# What Prose takes: tabs and ends of lines, too.
_RARE = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"
LINES = rf"^([^{_RARE}]*[^\s{_RARE}][^{_RARE}]*)?$"
RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)


def check_id(value: str) -> None:
    """Refuse what is not a ULID."""
    if not is_id(value):
        raise ValidationError("Must be an id: a ULID of 26 characters.")


def text_metadata(max_length: int, **more: Any) -> dict[str, Any]:
    """Describe a text that only the server writes."""
    return {"maxLength": max_length, "pattern": ONE_LINE, **more}


def pattern_metadata(pattern: re.Pattern[str], max_length: int, **more: Any) -> dict[str, Any]:
    """Describe a text that has a form.

    :param pattern: all of it; written so that Python and ECMA 262 read the same.
    """
    return {"maxLength": max_length, "pattern": f"^{pattern.pattern}$", **more}


EXAMPLE_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
# The ids of paths and models, by what they are called; all others are ULIDs.
ID = pattern_metadata(ULID, 26)
IDS = {"client_id": pattern_metadata(CLIENT_ID, 64)}


class ItemId(fields.String):
    """The id of another item; the document links the answers that show it to the operation that reads that.

    :param parameter: what paths call the id, such as user_id.
    """

    def __init__(self, parameter: str, **kwargs: Any) -> None:
        super().__init__(validate=check_id, **kwargs)
        self.parameter = parameter
        self.metadata = {**ID, **self.metadata}


class Text(fields.String):
    """One line of text in NFC, without control characters; lengths are in characters of NFC."""

    pattern = ONE_LINE
    unsafe = re.compile(f"[{_CONTROL}]")
    advice = "Must be one line without control characters."

    def __init__(self, *, min_length: int = 0, max_length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.min_length = min_length
        self.max_length = max_length
        self.metadata = {
            "minLength": min_length,
            "maxLength": max_length,
            "pattern": self.pattern,
            **self.metadata,
        }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        try:
            text = nfc(value, self.max_length)
        except TooLongError:
            raise ValidationError(self._length()) from None
        except ManyMarksError as error:
            raise ValidationError(str(error)) from error
        if len(text) < self.min_length:
            raise ValidationError(self._length())
        if self.unsafe.search(text):
            raise ValidationError(self.advice)
        if text and not text.strip():
            raise ValidationError("Must not be blank.")
        return text

    def _length(self) -> str:
        return f"Must have {self.min_length} to {self.max_length} characters."


class Prose(Text):
    """Any number of lines of text in NFC; lengths are in characters of NFC, ends of lines included."""

    pattern = LINES
    unsafe = re.compile(f"[{_RARE}]")
    advice = "Must have no control characters but tabs and ends of lines."


class Moment(fields.AwareDateTime):
    """A time as RFC 3339 has it: any offset from UTC is accepted, and UTC is sent, with `Z`.

    Other forms of ISO 8601 are refused.
    """

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        # shorter than +00:00, and survives a query string
        return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or not RFC_3339.fullmatch(value):
            raise ValidationError(_time_advice(value))
        return super()._deserialize(value.upper(), attr, data, **kwargs)


def _time_advice(value: Any) -> str:
    if isinstance(value, str) and RFC_3339.fullmatch(value.replace(" ", "+")):
        return "Write the + of the offset as %2B, or give the time in UTC, such as 2026-01-31T12:00:00Z."
    return "Must be a time with offset, such as 2026-01-31T12:00:00Z (RFC 3339)."


class StoredMoment(Moment):
    """A moment for the table, loaded in UTC."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        moment = super()._deserialize(value, attr, data, **kwargs)
        try:
            return moment.astimezone(UTC)
        except OverflowError as error:
            raise ValidationError("Must be in a year from 1 to 9999, in UTC too.") from error


class FullDate(fields.String):
    """A date as RFC 3339 has it (`full-date`), kept as a text: it sorts by time."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata = {"format": "date", "maxLength": 10, **self.metadata}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            # Python reads other forms of ISO 8601, too.
            if isinstance(value, str) and date.fromisoformat(value).isoformat() == value:
                return value
        except ValueError:
            pass
        raise ValidationError("Must be a date, such as 2026-01-31 (RFC 3339).")


class DecimalText(fields.Field[Decimal]):
    """An exact decimal number, in JSON a text: most parsers read a JSON number as a double (RFC 8259 §6).

    :param least: the lowest value, and `most` the highest, as decimal numbers.
    :param places: digits after the point, at least one; fewer are accepted, and all are sent.
    """

    def __init__(self, *, least: str, most: str, places: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most, self.places = Decimal(least), Decimal(most), places
        self.limits = f"from {least} to {most} with at most {places} digits after the point"
        digits = max(len(str(abs(int(bound)))) for bound in (self.least, self.most))
        sign = "-?" if self.least < 0 else ""
        self.form = re.compile(rf"{sign}(0|[1-9][0-9]{{0,{digits - 1}}})(\.[0-9]{{1,{places}}})?")
        self.metadata = {
            "type": "string",
            "format": "decimal",
            "description": f"A decimal number {self.limits}.",
            **pattern_metadata(self.form, digits + places + 2),
            **self.metadata,
        }

    def _serialize(self, value: Decimal | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else f"{value:.{self.places}f}"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        if not isinstance(value, str) or not self.form.fullmatch(value):
            raise ValidationError(f"Must be a text with a decimal number {self.limits}.")
        number = Decimal(value)
        if not self.least <= number <= self.most:
            raise ValidationError(f"Must be a decimal number {self.limits}.")
        return number or Decimal(0)  # zero has no sign


class Array(fields.List[Any]):
    """A list whose elements are looked at only if there are few enough."""

    def __init__(self, element: fields.Field[Any], *, max_items: int, **kwargs: Any) -> None:
        super().__init__(element, **kwargs)
        self.max_items = max_items
        self.metadata = {"maxItems": max_items, **self.metadata}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > self.max_items:
            raise ValidationError(f"Must have at most {self.max_items} elements.")
        return super()._deserialize(value, attr, data, **kwargs)


class Flag(fields.Boolean):
    """true or false, nothing that merely looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value
