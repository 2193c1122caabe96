"""What a letter says: its text is a file in `texts/`, of which the HTML is made, too."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from string import Formatter, Template

from chalicelib.text import ADDRESS

FOLDER = Path(__file__).with_name("texts")
OWN = ("link", "page", "service")  # values that are made of settings and ids
WORD_JOINER = "\u2060"
MAX_VALUE = 200  # characters of a name or title
# What could end a header or a line, or show a text in another order than it is written.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, kw_only=True)
class Message:
    """A letter that is ready to be sent.

    :param id: that of the letter: a repetition has the same.
    :param sender: an address, or "Name <address>".
    """

    id: str
    created: datetime
    sender: str
    to: str
    subject: str
    text: str
    html: str


@cache
def text_of(event: str) -> tuple[dict[str, str], list[str]]:
    """Read the text of an event: headers, and paragraphs with the names of values in braces."""
    head, *paragraphs = (FOLDER / f"{event}.txt").read_text("utf-8").strip().split("\n\n")
    return dict(line.split(": ", 1) for line in head.splitlines()), paragraphs


@cache
def _layout(name: str) -> Template:
    return Template((FOLDER / name).read_text("utf-8"))


def clean(value: str) -> str:
    """Return a value in one line, without characters that have no place in a letter."""
    return " ".join(UNPRINTABLE.sub(" ", value).split())[:MAX_VALUE]


def unlinked(value: str) -> str:
    """Return a value of which mail programs make no link: an invisible character stands before its dots."""
    return re.sub(r"(?=[.:@])", WORD_JOINER, clean(value))


def mailable(address: str) -> str:
    """Return an address as mail servers take it: the domain in ASCII.

    :raises ValueError: it is no single address.
    """
    if not ADDRESS.fullmatch(address) or UNPRINTABLE.search(address):
        raise ValueError("this is not an address")
    name, _, domain = address.rpartition("@")
    return f"{name}@{domain.encode('idna').decode('ascii')}"


def write(
    event: str, values: Mapping[str, str], *, letter_id: str, created: datetime, sender: str, to: str
) -> Message:
    """Write a letter. A paragraph that names a value which is absent is left out, with its introduction.

    :param values: what the text names; no value of others can end a line or a header, or be read as HTML or
        as a link.
    :raises ValueError: `to` is no address.
    """
    headers, paragraphs = text_of(event)
    known = {name: value if name in OWN else unlinked(value) for name, value in values.items()}
    kept = _kept(paragraphs, known)
    text = "\n\n".join(each.format_map(known) for each in kept)
    markup = "\n".join(_as_html(each, known, headers.get("Button", "")) for each in kept)
    subject, service = clean(headers["Subject"].format_map(known)), known["service"]
    shown = {"subject": html.escape(subject), "content": markup, "service": html.escape(service)}
    return Message(
        id=letter_id,
        created=created,
        sender=sender,
        to=mailable(to),
        subject=subject,
        text=_layout("layout.txt").substitute(content=text, service=service),
        html=_layout("layout.html").substitute(shown),
    )


def _kept(paragraphs: Sequence[str], values: Mapping[str, str]) -> list[str]:
    kept: list[str] = []
    for paragraph in paragraphs:
        if all(values.get(name) for _, name, _, _ in Formatter().parse(paragraph) if name):
            kept.append(paragraph)
        elif kept and kept[-1].endswith(":"):
            kept.pop()
    return kept


def _as_html(paragraph: str, values: Mapping[str, str], button: str) -> str:
    escaped = html.escape(paragraph.format_map(values))
    if paragraph in ("{link}", "{page}"):
        return _layout("button.html").substitute(address=escaped, button=html.escape(button)).rstrip()
    return f"<p>{escaped}</p>"
