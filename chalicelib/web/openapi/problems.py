"""Every refusal that an operation can give, derived from its declaration."""

import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from typing import Any, ClassVar

from apispec import APISpec
from marshmallow import Schema, fields, validate

from chalicelib.errors import (
    MAX_EXCERPT,
    MAX_VIOLATIONS,
    ApiError,
    ConflictError,
    ContentEncodingError,
    ForbiddenError,
    InsufficientScopeError,
    InvalidTokenError,
    InvalidValueError,
    MalformedRequestError,
    NotFoundError,
    PayloadTooLargeError,
    PreconditionFailedError,
    ServiceUnavailableError,
    TooManyRequestsError,
    UnauthenticatedError,
    UnsupportedMediaTypeError,
    all_problems,
)
from chalicelib.rate_limit import HEADERS as RATE_LIMIT
from chalicelib.web.body import MAX_PARAMETER
from chalicelib.web.call import Request
from chalicelib.web.fields import pattern_metadata, text_metadata
from chalicelib.web.headers import CHALLENGE, IDEMPOTENCY_KEY, IF_MATCH, MAX_CHALLENGE, ORIGIN, REQUEST_ID
from chalicelib.web.media import JSON, PROBLEM_JSON
from chalicelib.web.openapi.models import EXAMPLE_PATH, EXAMPLE_REQUEST
from chalicelib.web.operation import MAX_BODY, Operation
from chalicelib.web.patch import POINTER
from chalicelib.web.responses import problem_body

# The stage in front is left open, and so are types: a client generated for one stage, or some time ago,
# reads the problems of all.
TYPE = r"^https?://[^\s?#]+/errors/[a-z-]+$"
_SLUGS = ", ".join(kind.slug for kind in all_problems())
MAX_ANSWER = 6 * 1024 * 1024  # bytes: what Lambda can answer with (AWS quota)
TEXT = {"type": "string", "format": "binary", "maxLength": MAX_ANSWER}
Kinds = set[type[ApiError]]
EXAMPLE = Request(
    method="GET",
    path=EXAMPLE_PATH,
    headers={},
    query={},
    body=None,
    source="",
    request_id=EXAMPLE_REQUEST,
    base_url="",
)


class ViolationSchema(Schema):
    """One thing that is wrong with the input."""

    EXAMPLE: ClassVar = {"pointer": "/title", "detail": "Must have 3 to 50 characters."}

    pointer = fields.String(
        metadata=pattern_metadata(
            POINTER, MAX_EXCERPT, description="RFC 6901 pointer into the body.", example="/title"
        )
    )
    parameter = fields.String(
        metadata=text_metadata(MAX_PARAMETER, description="Name of a query parameter.", example="limit")
    )
    detail = fields.String(required=True, metadata=text_metadata(1024, example=EXAMPLE["detail"]))


class ProblemSchema(Schema):
    """A refusal (RFC 9457)."""

    type = fields.String(
        required=True,
        metadata={
            "format": "uri",
            "pattern": TYPE,
            "maxLength": 2048,
            "description": f"Resolves to an explanation; ends in {_SLUGS}, or what is new since.",
            "example": "https://api.test/errors/invalid-value",
        },
    )
    title = fields.String(required=True, metadata=text_metadata(64, example="Invalid value"))
    status = fields.Integer(required=True, validate=validate.Range(400, 599), metadata={"example": 422})
    detail = fields.String(
        required=True,
        metadata=text_metadata(1024, description="What to do about it.", example=InvalidValueError.advice),
    )
    instance = fields.String(
        required=True,
        metadata={
            "format": "uri-reference",
            "maxLength": 10_240,
            "description": "The path that was called.",
            "example": EXAMPLE_PATH,
        },
    )
    request_id = fields.String(
        required=True,
        metadata={
            "pattern": REQUEST_ID,
            "maxLength": 128,
            "description": "Names the request in the logs.",
            "example": EXAMPLE_REQUEST,
        },
    )
    challenge = fields.String(
        metadata={
            "pattern": CHALLENGE,
            "maxLength": MAX_CHALLENGE,
            "description": "How to authenticate, as in WWW-Authenticate, which a gateway may have renamed.",
            "example": 'Bearer error="invalid_token"',
        }
    )
    errors = fields.List(fields.Nested(ViolationSchema), validate=validate.Length(max=MAX_VIOLATIONS))


def problems_of(operation: Operation) -> list[type[ApiError]]:
    """List what an operation can refuse with, by status."""
    # API Gateway throttles every operation (AWS quota: requests per second of an account and Region).
    # Paths, queries and headers that are no Unicode text are malformed everywhere.
    implied = (
        {
            ApiError,
            MalformedRequestError,
            ServiceUnavailableError,
            TooManyRequestsError,
            *operation.docs.problems,
        }
        | _of_the_caller(operation)
        | _of_the_input(operation)
    )
    if operation.access.choices or any(load.required for load in operation.access.loads):
        implied.add(NotFoundError)
    return sorted(implied, key=lambda kind: (kind.status, kind.__name__))


def _of_the_caller(operation: Operation) -> Kinds:
    if not operation.access.authenticates:
        return set()
    found: Kinds = {InvalidTokenError, UnauthenticatedError}
    return found if operation.access.permission.public else found | {InsufficientScopeError, ForbiddenError}


def _of_the_input(operation: Operation) -> Kinds:
    found: Kinds = set()
    takes = operation.takes
    if takes.types:
        found |= {PayloadTooLargeError, ContentEncodingError}
    if takes.types and not takes.parse:
        found |= {UnsupportedMediaTypeError, InvalidValueError}
    if operation.checks_query:
        found.add(InvalidValueError)
    if takes.patch:
        found |= {ConflictError, ForbiddenError}
    if IF_MATCH in operation.headers:
        found.add(PreconditionFailedError)
    if IDEMPOTENCY_KEY in operation.headers:
        found.add(InvalidValueError)
    return found


def refer(names: tuple[str, ...], *, shared: bool = True) -> dict[str, Any]:
    """Refer to the headers of one answer, those that every answer has included.

    :param shared: pages of other origins may read it.
    """
    every = ("X-Request-Id", ORIGIN) if shared else ("X-Request-Id",)
    return {name: {"$ref": f"#/components/headers/{name}"} for name in sorted({*names, *every})}


class Refusals:
    """Puts refusals into the components, each group of one status once."""

    def __init__(self, spec: APISpec, base: str) -> None:
        self.spec = spec
        self.base = base

    def responses(self, operation: Operation) -> dict[str, Any]:
        """Return the responses of an operation's problems by status."""
        groups = groupby(problems_of(operation), key=lambda kind: kind.status)
        return {str(status): self._response(operation, list(kinds)) for status, kinds in groups}

    def _response(self, operation: Operation, kinds: list[type[ApiError]]) -> Any:
        errors = [_instance(kind, operation) for kind in kinds]
        headers = tuple(sorted({name for error in errors for name in error.headers}))
        # a limit counts calls of known callers
        is_limited = operation.access.limit is not None and errors[0].status != UnauthenticatedError.status
        headers += RATE_LIMIT if is_limited else ()
        headers += replace(operation.docs, headers=()).all_headers
        name = "Or".join(_name(kind) for kind in kinds)
        if len(kinds) > 2:  # all of them would be unreadable
            name = f"{operation.name.title().replace('_', '')}Refused{kinds[0].status}"
        name += "".join(header.replace("-", "") for header in headers if header.startswith("Accept"))
        name += "Limited" if is_limited else ""
        name += "Deprecated" if operation.docs.deprecated else ""
        name += "Linked" if operation.docs.deprecated and "Link" in headers else ""
        name += ("OAuth2" if operation.gives.error_schema else "Page") if operation.gives.errors else ""
        if name not in self.spec.components.responses:
            content = self._content(operation, errors)
            shown = refer(headers, shared=operation.gives.cors)
            body = {"description": _words(kinds), "headers": shown, "content": content}
            self.spec.components.response(name, body)
        return name

    def _content(self, operation: Operation, errors: list[ApiError]) -> dict[str, Any]:
        gives = operation.gives
        if gives.errors is None:
            return self._problem(errors)
        if gives.error_schema is None:
            return {name: {"schema": TEXT} for name in gives.types}
        bodies = [json.loads(gives.errors(EXAMPLE, error).value) for error in errors]
        return _own_form(gives.error_schema, errors, bodies)

    def _problem(self, errors: list[ApiError]) -> dict[str, Any]:
        examples = {
            error.slug: {
                "summary": error.title,
                "value": problem_body(error, base=self.base, instance=EXAMPLE_PATH, request=EXAMPLE_REQUEST),
            }
            for error in errors
        }
        return {PROBLEM_JSON: {"schema": ProblemSchema, "examples": examples}}


def _own_form(schema: type[Schema], errors: list[ApiError], bodies: list[Any]) -> dict[str, Any]:
    examples = {
        f"{body['error']}{number or ''}": {"summary": error.advice, "value": body}
        for number, (error, body) in enumerate(zip(errors, bodies, strict=True))
    }
    return {JSON: {"schema": schema, "examples": examples}}


def _name(kind: type[ApiError]) -> str:
    return "Internal" if kind is ApiError else kind.__name__.removesuffix("Error")


def _instance(kind: type[ApiError], operation: Operation) -> ApiError:
    """Make an error to show, with the advice of its kind."""
    if kind is PayloadTooLargeError:
        return PayloadTooLargeError(MAX_BODY)
    if kind is UnsupportedMediaTypeError:
        error: ApiError = UnsupportedMediaTypeError(("…",), operation.method)
    elif kind is TooManyRequestsError:
        error = TooManyRequestsError(headers=dict.fromkeys(RATE_LIMIT, ""))
    else:
        error = kind()
    error.detail = kind.advice
    return error


def _words(kinds: Iterable[type[ApiError]]) -> str:
    docs = [(kind.__doc__ or "").split(":param")[0] for kind in kinds if kind is not ApiError]
    return " ".join(" ".join(text.split()) for text in docs) or ApiError.advice
