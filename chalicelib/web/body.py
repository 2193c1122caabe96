"""Bodies: strict JSON and forms. What other parsers let through (NaN, doubles, odd encodings) is refused."""

import json
import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from marshmallow import Schema, ValidationError, fields

from chalicelib.errors import (
    ContentEncodingError,
    InvalidValueError,
    MalformedRequestError,
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
    Violation,
    excerpt,
)
from chalicelib.web.call import Request
from chalicelib.web.media import FORM

MAX_NESTING = 64  # levels of arrays and objects
MAX_UNKNOWN = 100  # names beyond those of a schema: each of them would be a violation
MAX_PARAMETER = 64  # characters of its name in a violation
BOOLEANS = {"true": True, "false": False}
STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
WHOLE_NUMBER = re.compile(r"-?(0|[1-9]\d{0,99})", re.ASCII)  # longer ones are out of every range


def check_size(request: Request, most: int) -> None:
    """Refuse a body that is too large (in bytes) or compressed, before anything looks into it."""
    if request.body is not None and len(request.body) > most:
        raise PayloadTooLargeError(most)
    if request.body and request.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        raise ContentEncodingError


def parse_body(request: Request, types: tuple[str, ...], schema: type[Schema] | None) -> Any:
    """Read the body in the type that it declares.

    :param schema: what a form's texts are meant for.
    :raises UnsupportedMediaTypeError: its type is missing or not accepted.
    :raises MalformedRequestError: it does not parse.
    """
    media_type = media_type_of(request)
    if media_type not in types:
        raise UnsupportedMediaTypeError(types, request.method)
    if request.body is None:
        raise MalformedRequestError
    if media_type != FORM:
        return parse_json(request.body)
    pairs = parse_form(request.body)
    if "access_token" in dict(pairs):
        raise MalformedRequestError("Send the access token in the Authorization header, never in the body.")
    return _form_values(pairs, schema)


def media_type_of(request: Request) -> str:
    """Return the media type of the body, without parameters; empty if there is none."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def parse_json(body: bytes) -> Any:
    """Parse JSON as RFC 8259 has it between systems: UTF-8, no doubles, finite numbers, real characters.

    :raises MalformedRequestError: it is not that, or is nested deeper than 64 levels.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except RecursionError:
        raise MalformedRequestError(f"The body is nested deeper than {MAX_NESTING} levels.") from None
    except ValueError as error:
        raise MalformedRequestError("The body is not well-formed JSON in UTF-8.") from error
    _check_values(value, MAX_NESTING)
    return value


def parse_form(body: bytes) -> list[tuple[str, str]]:
    """Parse application/x-www-form-urlencoded; an empty value counts as given.

    :raises MalformedRequestError: it is not UTF-8, percent-encoding included.
    """
    try:
        text = body.decode("utf-8")
        # parse_qsl keeps a stray percent sign, and takes long to look for it.
        if STRAY_PERCENT.search(text):
            raise MalformedRequestError("The body is not a well-formed form: write a percent sign as %25.")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError as error:
        raise MalformedRequestError("The body is not a well-formed form in UTF-8.") from error
    return pairs


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return result


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _check_values(value: Any, levels: int) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict | list):
        if levels == 0:
            raise MalformedRequestError(f"The body is nested deeper than {MAX_NESTING} levels.")
        for name in value if isinstance(value, dict) else ():
            _check_text(name)
        for element in value.values() if isinstance(value, dict) else value:
            _check_values(element, levels - 1)


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MalformedRequestError("The body holds half of a surrogate pair.") from error


def _form_values(pairs: list[tuple[str, str]], schema: type[Schema] | None) -> dict[str, Any]:
    """Return a form's values in the types that the schema's fields have in JSON."""
    declared = schema_of(schema).fields if schema else {}
    values: dict[str, Any] = {}
    for name, text in pairs:
        kind = declared.get(name)
        if isinstance(kind, fields.List):
            values.setdefault(name, []).append(text)
        elif name in values:
            raise MalformedRequestError(f"The field {excerpt(name)} is given twice.")
        else:
            values[name] = _form_value(kind, text)
    return values


def _form_value(kind: fields.Field[Any] | None, text: str) -> Any:
    if text == "null" and kind is not None and kind.allow_none:
        return None
    if isinstance(kind, fields.Boolean):
        return BOOLEANS.get(text.lower(), text)
    if isinstance(kind, fields.Integer) and WHOLE_NUMBER.fullmatch(text):
        return int(text)
    return text


_schemas: dict[type[Schema], Schema] = {}


def schema_of(kind: type[Schema]) -> Schema:
    """Return the one instance of a schema, made when it is first needed."""
    if kind not in _schemas:
        _schemas[kind] = kind()
    return _schemas[kind]


def load_body(kind: type[Schema], payload: Any) -> Any:
    """Validate a parsed body.

    :raises InvalidValueError: with a pointer to each violation.
    """
    if not isinstance(payload, dict):
        raise InvalidValueError(errors=[{"pointer": "", "detail": "The body must be an object."}])
    schema = schema_of(kind)
    most = len(schema.fields) + MAX_UNKNOWN
    if len(payload) > most:
        raise InvalidValueError(errors=[{"pointer": "", "detail": f"Must have at most {most} names."}])
    try:
        return schema.load(payload)
    except ValidationError as error:
        raise InvalidValueError(errors=violations(error.messages)) from error


def load_query(kind: type[Schema], query: dict[str, list[str]]) -> Any:
    """Validate the query string.

    :raises InvalidValueError: naming each parameter that is wrong, unknown or given twice.
    """
    schema = schema_of(kind)
    fields_of = {field.data_key or name: field for name, field in schema.fields.items()}
    known = f"Unknown parameter. This operation takes {', '.join(sorted(fields_of)) or 'none'}."
    wrong = [_violation(name, known) for name in islice(query, MAX_UNKNOWN) if name not in fields_of]
    once = "Give this parameter once."
    wrong += [_violation(name, once) for name in fields_of if len(query.get(name, ())) > 1]
    if wrong:
        raise InvalidValueError(errors=wrong)
    try:
        return schema.load({name: _form_value(fields_of[name], texts[0]) for name, texts in query.items()})
    except ValidationError as error:
        named: Iterator[Violation] = (
            {"parameter": entry["pointer"].removeprefix("/").split("/")[0], "detail": entry["detail"]}
            for entry in violations(error.messages)
        )
        raise InvalidValueError(errors=named) from error


def _violation(parameter: str, detail: str) -> Violation:
    return {"parameter": excerpt(parameter)[:MAX_PARAMETER].strip(), "detail": detail}


def violations(messages: Any, pointer: str = "") -> Iterator[Violation]:
    """Flatten marshmallow's messages to RFC 6901 pointers, one by one: only the first ones are told."""
    if isinstance(messages, dict):
        for name, inner in messages.items():
            yield from violations(inner, pointer if name == "_schema" else f"{pointer}/{escape(name)}")
        return
    for detail in messages if isinstance(messages, list) else [messages]:
        yield {"pointer": pointer, "detail": str(detail)}


def escape(name: object) -> str:
    """Write a name as a part of an RFC 6901 pointer."""
    return str(name).replace("~", "~0").replace("/", "~1")
