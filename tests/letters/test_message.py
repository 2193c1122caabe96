"""What letters say: whatever people call themselves and their teams, in text and in HTML."""

import html
import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.letters.message import (
    FOLDER,
    MAX_VALUE,
    WORD_JOINER,
    Message,
    clean,
    mailable,
    unlinked,
    write,
)
from chalicelib.letters.outbox import TEMPLATES
from chalicelib.letters.senders import as_email

URL = "https://api.test.example/account/verify?token=abc"
VALUES = {
    "username": "ada",
    "service": "Grail",
    "link": URL,
    "page": "https://api.test.example/account/forgotten",
    "team": "Explorers",
    "inviter": "bob",
}
FIXED: dict[str, Any] = {
    "letter_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "created": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "sender": "Grail <hello@mail.test.example>",
    "to": "ada@test.example",
}
HOSTILE = '</p><script>alert(1)</script>\r\nBcc: eve@test.example\r\n\r\n\u202eevil\x00 & "x"'


def written(event: str = "invitation", to: str = "ada@test.example", **values: str) -> Message:
    """A letter with the values of this module, and others."""
    return write(event, {**VALUES, **values}, **{**FIXED, "to": to})


class Links(HTMLParser):
    """Collects where links lead, and the elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value for name, value in attrs if name == "href" and value]


@pytest.mark.parametrize("event", sorted(TEMPLATES))
def test_each_event_has_a_text_with_what_it_needs(event: str) -> None:
    """Subject, greeting, and the link as text and as a button."""
    message, template = written(event), TEMPLATES[event]
    assert message.subject.strip()
    assert message.text.startswith("Hello")
    wanted = {*([VALUES["link"]] if template.link else []), *([VALUES["page"]] if template.page else [])}
    assert {line for line in message.text.splitlines() if line.startswith("https:")} == wanted
    assert set(Links(message.html).found) == wanted
    assert not re.search(r"[{}$]", message.text + message.html)


def test_texts_are_of_templates() -> None:
    """No text is left over, and none is missing."""
    assert {path.stem for path in FOLDER.glob("*.txt")} - {"layout"} == set(TEMPLATES)


def test_a_paragraph_without_its_value_is_left_out() -> None:
    """With the sentence that introduces it."""
    message = written("email_change", link="")
    assert ("undo" in message.text, "undo" in message.html, "{link}" in message.text) == (False, False, False)
    assert "Hello ada" in message.text


def test_a_long_link_stays_whole() -> None:
    """Whatever the domain and the path in front of it, in the text, in the HTML, and on its way."""
    link = f"https://api.test.example/{'a' * 250}/account/verify?token={'b' * 95}"
    message = written("user_creation", link=link)
    email = message_from_bytes(as_email(message).as_bytes(), policy=default)
    text = next(iter(email.iter_parts())).get_content()
    assert (link in message.text.splitlines(), link in text.splitlines()) == (True, True)
    assert Links(message.html).found == [link]


def test_a_letter_is_a_valid_email() -> None:
    """Text and HTML, a Message-ID that is always the same, and nothing that an absence notice answers."""
    once, again = as_email(written()), as_email(written())
    found = message_from_bytes(once.as_bytes(), policy=default)
    assert found["Message-ID"] == again["Message-ID"] == "<01ARZ3NDEKTSV4RRFFQ69G5FAV@mail.test.example>"
    assert (found["From"], found["To"]) == ("Grail <hello@mail.test.example>", "ada@test.example")
    assert (found["Auto-Submitted"], found["Date"].datetime) == ("auto-generated", FIXED["created"])
    assert [part.get_content_type() for part in found.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize("name", ["team", "inviter"])
@pytest.mark.parametrize(
    "value", [HOSTILE, "Jürgens Läufer 🏃", "{link}", "{0.__class__}", "$content", "a" * 9999]
)
def test_values_are_only_text(name: str, value: str) -> None:
    """No value adds a header, a line, an element or a field of the template."""
    message = written(**{name: value})
    harmless = written()
    email = message_from_bytes(as_email(message).as_bytes(), policy=default)
    assert set(email.keys()) == set(as_email(harmless).keys())
    assert len(message.text.splitlines()) == len(harmless.text.splitlines())
    assert Links(message.html).tags == Links(harmless.html).tags
    assert Links(message.html).found == [URL]
    assert unlinked(value) in message.text
    assert html.escape(unlinked(value)) in message.html


@pytest.mark.parametrize("event", ["invitation", "member_addition", "sign_up_with_taken_email"])
@pytest.mark.parametrize(
    "value", ["evil.example", "https://evil.example/x", "www.evil.example", "a@evil.example"]
)
def test_names_and_titles_are_no_links(event: str, value: str) -> None:
    """Mail programs link what looks like an address: nothing that others chose does."""
    message = written(event, username=value, team=value, inviter=value)
    likely = re.compile(r"\w+:/|\w\.\w|\w@\w")
    named = [line for line in message.text.splitlines() if "evil" in line]
    assert named
    assert [line for line in named if likely.search(line)] == []
    assert value not in message.html
    assert value == unlinked(value).replace(WORD_JOINER, "")


@given(st.text(max_size=300))
def test_what_is_clean_has_one_line(value: str) -> None:
    """Whatever the value, and of bounded length."""
    found = clean(value)
    assert len(found.splitlines()) <= 1
    assert len(found) <= MAX_VALUE


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("ada@test.example", "ada@test.example"),
        ("a.b+c@test.example", "a.b+c@test.example"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("jürgen@test.example", "jürgen@test.example"),
    ],
)
def test_an_address_is_written_as_servers_take_it(address: str, found: str) -> None:
    """An international domain in ASCII; a name beyond ASCII stays, for servers that take it."""
    assert mailable(address) == found
    assert as_email(written(to=address))["To"] == found


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "a@b@c",
        "a@b, c@d",
        "Ada <a@b>",
        "a@b\r\nBcc: c@d",
        "a@b\n",
        "a\x00@b",
        "@b",
        "a@",
        "a@" + "b" * 64,
    ],
)
def test_what_is_no_address_gets_no_letter(address: str) -> None:
    """One recipient, and no header of its own."""
    with pytest.raises(ValueError, match=r"not an address|label"):
        written(to=address)
