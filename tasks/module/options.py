"""The options that `--field` gives to one field."""

import re
from decimal import Decimal
from pathlib import Path

from tasks.errors import TaskError

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
