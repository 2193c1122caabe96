"""Forms: how they are read, how browsers are known again, and what ties a page's form to its browser.

A form that another site sends has no cookie of ours, one that an attacker fetched has another browser's.
"""

import json
import re
import secrets
import time
from collections.abc import Sequence
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from chalicelib.errors import ForbiddenError, MalformedRequestError
from chalicelib.security.seals import seal, unseal
from chalicelib.web.body import media_type_of, parse_form
from chalicelib.web.call import Call, Request
from chalicelib.web.fields import pattern_metadata
from chalicelib.web.media import FORM

MAX_VALUE = 8192  # characters
MAX_PARAMETERS = 100
MAX_TOKEN = 128  # characters
OWN = ("same-origin", "none")  # Fetch Metadata: sent by a page of ours, or typed
BROWSER = re.compile(r"[\w-]{43}", re.ASCII)  # 256 random bits
FORM_TICKET = "form of a page"
SEALED = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
STALE = "This page has expired, or your browser does not accept cookies. Try again."
TOKEN = pattern_metadata(SEALED, MAX_TOKEN, description="Of the link.", example="01ARZ3NDEKTSV4RRFFQ69G5FAV")


class FormSchema(Schema):
    """The parameters of a form; unrecognized ones are ignored."""

    class Meta:
        """How marshmallow loads it."""

        unknown = EXCLUDE


class LinkFormSchema(FormSchema):
    """What the page of a link sends."""

    ticket = fields.String(
        load_default="",
        metadata=pattern_metadata(
            SEALED, MAX_VALUE, description="Ties the form to the browser.", example="c2VhbGVk"
        ),
    )
    token = fields.String(load_default="", metadata=TOKEN)


class LinkQuery(Schema):
    """A link."""

    token = fields.String(load_default="", metadata=TOKEN)


class LinkTokenSchema(Schema):
    """A link."""

    token = fields.String(
        required=True, load_only=True, validate=validate.Length(max=MAX_TOKEN), metadata=TOKEN
    )


def cookie_name(call: Call, name: str) -> str:
    """Return the full name of a cookie.

    Browsers take the prefix only from https; it keeps other hosts of the domain from setting the cookie.
    """
    return f"__Host-{name}" if call.request.base_url.startswith("https:") else name


def read_cookie(call: Call, name: str, shape: re.Pattern[str]) -> str | None:
    """Return the value of a cookie of ours, if the browser sent one; other cookies may be odd."""
    pairs = (pair.strip().partition("=") for pair in call.request.headers.get("cookie", "").split(";"))
    wanted = cookie_name(call, name)
    return next((value for found, _, value in pairs if found == wanted and shape.fullmatch(value)), None)


def set_cookie(call: Call, name: str, value: str, *, seconds: int | None = None) -> str:
    """Return the Set-Cookie header of a cookie.

    :param seconds: how long the browser keeps it; None until it is closed, 0 to delete it.
    """
    secure = "; Secure" if call.request.base_url.startswith("https:") else ""
    age = "" if seconds is None else f"; Max-Age={seconds}"
    return f"{cookie_name(call, name)}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}"


def browser_of(call: Call) -> str | None:
    """Return the secret by which a browser is known, if it sent one."""
    return read_cookie(call, "grail", BROWSER)


def new_browser(call: Call) -> tuple[str, str]:
    """Return a new secret for a browser, and the Set-Cookie header that gives it away."""
    browser = secrets.token_urlsafe(32)
    return browser, set_cookie(call, "grail", browser)


def token_of(call: Call) -> str:
    """Return what the link of a letter brings; what is no single token opens nothing."""
    values = call.request.query.get("token", [])
    return values[0] if len(values) == 1 else ""


def read_form(request: Request) -> dict[str, str]:
    """Read a form: one value a name.

    :raises MalformedRequestError: another content type, a repeated name or bad encoding.
    """
    if media_type_of(request) != FORM:
        raise MalformedRequestError(f"Send the parameters as {FORM}.")
    if request.body is None:
        raise MalformedRequestError("The body can't be read.")
    pairs = parse_form(request.body)
    if len(pairs) > MAX_PARAMETERS:
        raise MalformedRequestError(f"Send at most {MAX_PARAMETERS} parameters.")
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise MalformedRequestError("A parameter is given twice.")
    if any(len(value) > MAX_VALUE for value in parameters.values()):
        raise MalformedRequestError(f"A parameter has more than {MAX_VALUE} characters.")
    return parameters


def make_form_ticket(call: Call, browser: str, form: str, contents: Sequence[Any] = ()) -> str:
    """Return the hidden field of a form, which is good for some minutes.

    :param form: name of the form, and whatever it is about.
    :param contents: what the form was made of, as JSON has it; people can read it.
    """
    until = int(time.time()) + call.context.settings.sign_in_page_lifetime
    text = json.dumps([until, *contents])
    return seal(call.context.keyring.mac_key("ticket"), (FORM_TICKET, browser, form), text)


def open_form_ticket(call: Call, form: str, sealed: str) -> list[Any] | None:
    """Return the contents of a form's ticket; None if it is too old, or of another browser or form."""
    browser = browser_of(call)
    if browser is None or call.request.headers.get("sec-fetch-site", OWN[0]) not in OWN:
        return None
    text = unseal(call.context.keyring.mac_key("ticket"), (FORM_TICKET, browser, form), sealed)
    until, *contents = json.loads(text) if text else [0]
    return contents if time.time() < until else None


def require_form_ticket(call: Call, form: str) -> None:
    """Check that the form of a call came back in time, from the browser that it was made for.

    :raises ForbiddenError: it did not.
    """
    if open_form_ticket(call, form, call.body["ticket"]) is None:
        raise ForbiddenError(STALE)
