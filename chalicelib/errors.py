"""Everything that an operation may refuse, as RFC 9457 problem types."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import ClassVar, TypedDict

MAX_VIOLATIONS = 100  # told at once; a body can have many more
MAX_EXCERPT = 100  # characters of what a caller sent in a message


def excerpt(text: str) -> str:
    """Return what a message may repeat of what a caller sent: its beginning, without control characters."""
    return "".join(character for character in text[:MAX_EXCERPT] if character.isprintable())


def _bounded(violation: "Violation") -> "Violation":
    """Shorten the pointer to a name that a caller chose, but not within an escape (RFC 6901 §3)."""
    pointer = violation.get("pointer", "")
    return {**violation, "pointer": pointer[:MAX_EXCERPT].removesuffix("~")} if pointer else violation


class Violation(TypedDict, total=False):
    """One thing that is wrong with the input: where it stands, and what to do about it."""

    pointer: str
    parameter: str
    detail: str


class ApiError(Exception):
    """Base of all problems.

    :param detail: one sentence for the caller, saying what to do; never a secret or an internal name.
    :param errors: the single violations, each with an RFC 6901 pointer or a parameter's name; the first 100
        are told.
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal server error"
    advice: ClassVar[str] = "Something broke on our side. Try again; report the request_id if it persists."

    def __init_subclass__(cls, **declared: int | str) -> None:
        """Take status, slug and title from the line that begins a class."""
        super().__init_subclass__()
        for name, value in declared.items():
            setattr(cls, name, value)

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Iterable[Violation] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.advice)
        self.detail = detail or self.advice
        self.errors = [_bounded(violation) for violation in islice(errors, MAX_VIOLATIONS)]
        self.headers = dict(headers or {})

    @property
    def code_name(self) -> str:
        """The name by which logs tell it."""
        return self.slug


class MalformedRequestError(ApiError, status=400, slug="malformed-request", title="Malformed request"):
    """The body could not be read at all: not JSON, not a form, not UTF-8, or not a patch document."""

    advice = "The request could not be parsed. Send well-formed UTF-8 in the declared content type."


class UnauthenticatedError(ApiError, status=401, slug="unauthenticated", title="Authentication required"):
    """No credentials came with a request that needs them (RFC 6750 §3.1: no error code then)."""

    advice = "Send an access token in the Authorization header: get one from POST /auth/oauth2/token."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class InvalidTokenError(ApiError, status=401, slug="invalid-token", title="Invalid access token"):
    """The access token is malformed, forged, expired, revoked, or its subject is gone (RFC 6750 §3.1)."""

    advice = "The access token is expired, revoked or not valid here. Get a new one."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


class InsufficientScopeError(ApiError, status=403, slug="insufficient-scope", title="Insufficient scope"):
    """The access token lacks a scope of the operation (RFC 6750 §3.1)."""

    advice = "The access token does not carry the scope that this operation needs."

    def __init__(self, scopes: Iterable[str] = ()) -> None:
        names = " ".join(sorted(scopes))
        challenge = f'Bearer error="insufficient_scope", scope="{names}"'
        super().__init__(
            f"This operation needs the scope {names}: get a token that carries it.",
            headers={"WWW-Authenticate": challenge},
        )


class ForbiddenError(ApiError, status=403, slug="forbidden", title="Forbidden"):
    """The caller is known and may not do this."""

    advice = "You do not have the permission that this operation needs."


class FirewallError(ApiError, status=403, slug="blocked-by-firewall", title="Blocked by the firewall"):
    """The firewall in front of the API refused the request; API Gateway answers in its place."""

    advice = (
        "The firewall refused this request: there were too many from your address, or it looks like an "
        "attack. Try again in five minutes; if that does not help, report the request_id."
    )


class NotFoundError(ApiError, status=404, slug="not-found", title="Not found"):
    """Nothing is there under this address."""

    advice = "There is nothing under this address: check the path and the ids in it."


class MethodNotAllowedError(ApiError, status=405, slug="method-not-allowed", title="Method not allowed"):
    """The address exists, the method does not (RFC 9110 §15.5.6)."""

    advice = "This address does not know that method: the Allow header lists those it knows."

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        super().__init__(headers={"Allow": ", ".join(sorted({*allowed, "OPTIONS"}))})


class ConflictError(ApiError, status=409, slug="conflict", title="Conflict"):
    """The request is fine, the state of things forbids it: taken names, failed tests, last leaders."""

    advice = "The request contradicts the present state: look at it again, then retry."


class GoneError(ApiError, status=410, slug="gone", title="Gone"):
    """The link of a letter no longer works: it was used, replaced or has expired (RFC 9110 §15.5.11)."""

    advice = "This link no longer works: it was used, or a newer one was sent. Ask for a new one."


class PreconditionFailedError(ApiError, status=412, slug="precondition-failed", title="Precondition failed"):
    """If-Match names another version than the stored one (RFC 9110 §13.1.1)."""

    advice = "Somebody else changed it in the meantime: GET it again and retry with its new ETag."


class PayloadTooLargeError(ApiError, status=413, slug="payload-too-large", title="Payload too large"):
    """The body is larger than the operation takes."""

    advice = "The body is too large: send less at once."

    def __init__(self, most: int | None = None) -> None:
        super().__init__(f"Send at most {most:,} bytes here." if most else None)


class UnsupportedMediaTypeError(
    ApiError, status=415, slug="unsupported-media-type", title="Unsupported media type"
):
    """The body's content type is missing or not one that the operation takes (RFC 9110 §15.5.16).

    :param method: the request method, since PATCH answers with Accept-Patch (RFC 5789 §2.2).
    """

    advice = "The Content-Type is missing or not accepted here."

    def __init__(self, accepted: Iterable[str] = (), method: str = "POST") -> None:
        names = ", ".join(accepted)
        header = "Accept-Patch" if method == "PATCH" else "Accept"
        super().__init__(f"Send the body with one of these Content-Types: {names}.", headers={header: names})


class ContentEncodingError(UnsupportedMediaTypeError):
    """The body is compressed, or encoded in another way (RFC 9110 §15.5.16)."""

    advice = "Send the body as it is, without Content-Encoding."

    def __init__(self) -> None:
        ApiError.__init__(self, headers={"Accept-Encoding": "identity"})  # RFC 9110 §12.5.3


class InvalidValueError(ApiError, status=422, slug="invalid-value", title="Invalid value"):
    """The body or the query was read and breaks its schema or policy; nothing was changed."""

    advice = "Some values are not acceptable: see errors."


class TooManyRequestsError(ApiError, status=429, slug="too-many-requests", title="Too many requests"):
    """Too many calls, or too many failed attempts, from this account or address (RFC 6585 §4).

    :param retry_after: seconds until another attempt makes sense.
    :param headers: which limit it was, in RateLimit and RateLimit-Policy.
    """

    advice = "There were too many calls or attempts: wait for the time that Retry-After gives."

    def __init__(self, retry_after: int = 1, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(headers={"Retry-After": str(retry_after), **(headers or {})})


class ServiceUnavailableError(ApiError, status=503, slug="service-unavailable", title="Service unavailable"):
    """The database, or AWS KMS, did not answer; nothing is known to be wrong with the request."""

    advice = "The service is overloaded or down for a moment: try again after Retry-After seconds."

    def __init__(self, detail: str | None = None, retry_after: int | None = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)} if retry_after else {})


class OutcomeUnknownError(ServiceUnavailableError):
    """A write was sent, and its answer never came: it may have taken effect."""

    advice = "The database did not answer in time, so it is not known whether this request took effect."

    def told(self, advice: str | None) -> ServiceUnavailableError:
        """Return what the caller is told.

        :param advice: what to do; None if the same request may simply be sent again.
        """
        if advice is None:
            return ServiceUnavailableError()
        return ServiceUnavailableError(f"{self.advice} {advice}", retry_after=None)


def all_problems() -> list[type[ApiError]]:
    """List every problem type, the general one first; errors of another form have no type of their own."""
    kinds = [kind for kind in ApiError.__subclasses__() if "slug" in vars(kind)]
    return [ApiError, *sorted(kinds, key=lambda kind: (kind.status, kind.slug))]
