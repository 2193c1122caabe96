"""The types of fields: what each makes of its options."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

from tasks.errors import TaskError
from tasks.module.field import FIRST, SECOND, TEAM, Field, Target, find_target

WORD = re.compile(r"(?!null$)[a-z0-9]+([_-][a-z0-9]+)*")  # null in a form is null
MAX_STRING = 500  # characters: lists read whole items, and 100 of them should fit into 1 MB (AWS quota)
MAX_TEXT = 10_000
MIN_UNIQUE = 8  # characters that a unique value may have: the tests make up as many
INT32 = 2**31
MAX_PLACES = 18  # with 19 digits before the point, they are exact in DynamoDB: 38 digits (AWS quota)
MAX_DECIMAL = Decimal(10**MAX_PLACES)


class Options:
    """The options of one field."""

    def __init__(self, name: str, said: list[str], root: Path) -> None:
        self.name = name
        self.root = root
        self.words = name.replace("_", " ")
        self.required, self.unique = "required" in said, "unique" in said
        self.given = dict(text.split("=", 1) for text in said if "=" in text)
        self.flags = [text for text in said if "=" not in text and text not in ("required", "unique")]
        if len(self.given) + self.required + self.unique + len(self.flags) < len(said):
            raise self.unknown()

    def unknown(self) -> TaskError:
        """Return what is said of options that no field has."""
        return TaskError(
            f"{self.name}: options are required, unique, min=N, max=N, places=N and values=A,B, each once; "
            "of a ref, required and one of refuse and cascade."
        )

    def field(self, **source: Any) -> Field:
        """Return the field that has these options."""
        return Field(name=self.name, required=self.required, **source)

    def number(self, option: str, default: int, least: int, most: int) -> int:
        """Return a whole number within limits.

        :raises TaskError: it is not a number, or out of range.
        """
        text = self.given.pop(option, str(default))
        if not re.fullmatch(r"-?[0-9]{1,10}", text) or not least <= int(text) <= most:
            raise TaskError(f"{self.name}: {option} is a number from {least} to {most}, not {text!r}.")
        return int(text)

    def decimal(self, option: str, default: str, least: Decimal, places: int) -> Decimal:
        """Return a decimal number within limits.

        :raises TaskError: it is not a number, out of range, or has too many digits after the point.
        """
        text = self.given.pop(option, default)
        form = rf"-?[0-9]{{1,19}}(\.[0-9]{{1,{places}}})?"
        if not re.fullmatch(form, text) or not least <= Decimal(text) <= MAX_DECIMAL:
            limits = f"from {least:f} to {MAX_DECIMAL:f} with at most {places} digits after the point"
            raise TaskError(f"{self.name}: {option} is a number {limits}, not {text!r}.")
        return Decimal(text)


def string(options: Options, kind: str = "Text", default: int = 100, greatest: int = MAX_STRING) -> Field:
    """Return a field of one line of text."""
    most = options.number("max", default, 1, greatest)
    # an optional one is empty by default, so there is no min
    least = options.number("min", 1, 1, most) if options.required else 0
    if options.unique and most < MIN_UNIQUE:
        raise TaskError(f"{options.name}: a unique {kind.lower()} has max={MIN_UNIQUE} or more.")
    examples = [f"{word} {options.words}"[:most].rstrip().ljust(least, "x") for word in ("The", "A")]
    short = [f'"{"x" * (least - 1)}"' if least < 5 else f'"x" * {least - 1}'] if least else []
    return options.field(
        stored="UnicodeAttribute",
        declaration=f"{kind}({f'min_length={least}, ' if least else ''}max_length={most}, ...)",
        example=f'"{examples[0]}"',
        other=f'"{examples[1]}"',
        bad=(*short, f'"x" * {most + 1}', '" "', '"a\\x00"', "5"),
        limits=f"{least} to {most} characters{', unique in any case of letters' * options.unique}",
        blank='""',
        fresh=f'keys.new_id()[-{most}:].ljust({least}, "x")' if options.unique else "",
    )


def text(options: Options) -> Field:
    """Return a field of several lines of text."""
    field = string(options, "Prose", 2000, MAX_TEXT)
    return replace(field, limits=f"{field.limits}, on any number of lines", listed=False)


def integer(options: Options) -> Field:
    """Return a field of a whole number."""
    most = options.number("max", INT32 - 1, 1 - INT32, INT32 - 1)
    least = options.number("min", min(0, most - 1), -INT32, most - 1)
    return options.field(
        stored="NumberAttribute",
        declaration=f"fields.Integer(strict=True, validate=validate.Range({least}, {most}), ...)",
        example=str(least + 1),
        other=str(least),
        bad=(str(least - 1), str(most + 1), "0.5", '"x"', "True"),
        limits=f"a whole number from {least} to {most}",
    )


def decimal(options: Options) -> Field:
    """Return a field of an exact decimal number."""
    places = options.number("places", 2, 1, MAX_PLACES)
    least = options.decimal("min", "0", -MAX_DECIMAL, places)
    most = options.decimal("max", "1000000000", least, places)
    step, digits = Decimal(1).scaleb(-places), f"{places} digit{'s' * (places > 1)}"
    with localcontext(prec=2 * MAX_PLACES + 2):
        usual = min(most, least + Decimal("19.9"))
        over = [f'"{bound:.{places}f}"' for bound in (least - step, most + step)]
    return options.field(
        stored="DecimalAttribute",
        declaration=f'DecimalText(least="{least:f}", most="{most:f}", places={places}, ...)',
        example=f'"{usual:.{places}f}"',
        other=f'"{least:.{places}f}"',
        bad=(*over, f'"{step / 10:f}"', '"1e1"', '"NaN"', "1"),
        limits=f"a text with a decimal number from {least:f} to {most:f}, {digits} after the point",
    )


def boolean(options: Options) -> Field:
    """Return a field of true or false."""
    return options.field(
        stored="BooleanAttribute",
        declaration="Flag(...)",
        example="True",
        other="False",
        bad=('"yes"', "1"),
        limits="true or false",
        blank="False",
    )


def moment(options: Options) -> Field:
    """Return a field of a time."""
    return options.field(
        stored="UTCDateTimeAttribute",
        declaration="StoredMoment(...)",
        example='"2026-01-31T12:00:00Z"',
        other='"2027-02-28T23:59:59.500000Z"',
        bad=('"2026-01-31"', '"2026-01-31T12:00:00"', "5"),
        limits="a time with offset (RFC 3339), shown in UTC",
    )


def day(options: Options) -> Field:
    """Return a field of a date."""
    return options.field(
        stored="UnicodeAttribute",
        declaration="FullDate(...)",
        example='"2026-01-31"',
        other='"2028-02-29"',
        bad=('"2026-02-29"', '"2026-1-31"', '"2026-01-31T12:00:00Z"', '""', "5"),
        limits="a date (RFC 3339), such as 2026-01-31",
    )


def enum(options: Options) -> Field:
    """Return a field of one of several words."""
    values = options.given.pop("values", "").split(",")
    if len(set(values)) < max(len(values), 2) or not all(WORD.fullmatch(value) for value in values):
        raise TaskError(
            f"{options.name}: an enum has values=A,B: two or more different words of a-z, 0-9, _ and -."
        )
    quoted = [f'"{value}"' for value in values]
    return options.field(
        stored="UnicodeAttribute",
        declaration=f"fields.String(validate=validate.OneOf(({', '.join(quoted)})), ...)",
        example=quoted[0],
        other=quoted[1],
        bad=('"no such value"', '""', "5"),
        limits=f"one of {', '.join(f'`{value}`' for value in values)}",
    )


def reference(options: Options) -> Field:
    """Return a field of the id of another item."""
    things, *words = options.flags or [""]
    options.flags = words[1:]
    target = find_target(options.root, things)
    when_deleted = _when_deleted(options, target, words[0] if words else "")
    return Field(
        name=f"{options.name}_id",
        required=options.required,
        stored="UnicodeAttribute",
        declaration=f'ItemId("{target.thing}_id", ...)',
        example=f'"{FIRST}"',
        other=f'"{SECOND}"',
        bad=('"01ARZ3NDEKTSV4RRFFQ69G5FAV"', f'"{FIRST.lower()}"', '""', "5"),
        limits=f"the id of one of the [{target.things}](#deletion)",
        target=target,
        when_deleted=when_deleted,
    )


def _when_deleted(options: Options, target: Target, said: str) -> str:
    """Return what happens to an item when what it refers to is deleted."""
    possible = ["refuse", "cascade"]
    if target.things == "users":  # whom the law lets go at any time
        possible = ["cascade"] if options.required else ["clear", "cascade"]
    elif target.goes:
        possible = ["cascade"]
    if said and said not in possible:
        allowed = " or ".join(possible)
        raise TaskError(f"{options.name}: a reference to {target.things} is {allowed}, not {said}.")
    return said or possible[0]


def team_as_owner(root: Path) -> Field:
    """Return the field of the team whose an item is."""
    field = reference(Options("team", ["teams", "required", "cascade"], root))
    return replace(field, example=f'"{TEAM}"', is_owner=True)


TYPES: dict[str, Callable[[Options], Field]] = {
    "string": string,
    "text": text,
    "integer": integer,
    "decimal": decimal,
    "boolean": boolean,
    "date": day,
    "datetime": moment,
    "enum": enum,
    "ref": reference,
}
