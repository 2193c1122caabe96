"""The names that a resource goes by."""

import keyword
import re
from dataclasses import dataclass

from tasks.errors import TaskError

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MAX_NAME = 24  # characters; longer ones leave no room on a line
SHOWN = 60  # characters of a bad name in a message
VOWEL = re.compile(r"(?!uni|use|usa|eu|one)[aeiou]|hour|honou?r|honest|heir")  # in pronunciation


def check_name(name: str, what: str) -> None:
    """Check that a name is a short identifier in lower case.

    :raises TaskError: it is not.
    """
    if not NAME.fullmatch(name) or keyword.iskeyword(name) or len(name) > MAX_NAME:
        raise TaskError(
            f"{name[:SHOWN]!r} can't name {what}: take a-z, 0-9 and single _ in between, at most {MAX_NAME} "
            "characters, and no word of Python's own."
        )


@dataclass(frozen=True)
class Names:
    """A resource in the plural and in the singular, such as blog_posts and blog_post."""

    things: str
    thing: str

    def places(self) -> dict[str, str]:
        """Return the values of $things, $Thing, $THING, $a_word and so on in templates."""
        word, words = self.thing.replace("_", " "), self.things.replace("_", " ")
        a_word = f"{'an' if VOWEL.match(word) else 'a'} {word}"
        return {
            "thing": self.thing,
            "things": self.things,
            "Thing": _camel(self.thing),
            "Things": _camel(self.things),
            "THING": self.thing.upper(),
            "THINGS": self.things.upper(),
            "word": word,
            "words": words,
            "Words": words.capitalize(),
            "a_word": a_word,
            "A_word": a_word.capitalize(),
        }

    def check(self) -> None:
        """Check both names by themselves.

        :raises TaskError: one is no name, or they are the same.
        """
        check_name(self.things, "a module (--name)")
        check_name(self.thing, "one of its items (--singular)")
        if self.things == self.thing:
            raise TaskError(f"--name is the plural and --singular the singular: both are {self.thing!r}.")


def _camel(name: str) -> str:
    # As operations make their operationIds.
    return "".join(part[0].upper() + part[1:] for part in name.split("_"))
