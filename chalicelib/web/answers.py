"""From a call to its answer: authenticate, read, authorize, validate, handle, dump, commit.

It begins again where others were faster.
"""

from collections.abc import Collection, Iterable
from typing import Any, Protocol

from chalice.app import Response
from marshmallow import Schema

from chalicelib.context import Context, retry_if_stale
from chalicelib.db.keys import Key
from chalicelib.db.table import get_many
from chalicelib.db.transaction import StaleError
from chalicelib.errors import (
    ApiError,
    MalformedRequestError,
    OutcomeUnknownError,
    ServiceUnavailableError,
    TooManyRequestsError,
    UnauthenticatedError,
)
from chalicelib.idempotency import IdempotencyKey
from chalicelib.rate_limit import Budget
from chalicelib.security.actor import Actor
from chalicelib.security.tokens import Claims, verify
from chalicelib.telemetry.measure import note
from chalicelib.web.access import Access, authorize, bearer_token
from chalicelib.web.body import check_size, load_body, load_query, parse_body
from chalicelib.web.call import Call
from chalicelib.web.conditional import check_preconditions
from chalicelib.web.headers import IDEMPOTENCY_KEY
from chalicelib.web.operation import MAX_BODY, Operation
from chalicelib.web.patch import apply_patch
from chalicelib.web.responses import dump

# Refusals that the same request brings about itself, once it has taken effect: 403 as its captcha is used up.
SELF_INFLICTED = (403, 404, 409, 410, 412)
SEND_AGAIN = "It is not known whether this request took effect: send it again with the same Idempotency-Key."


class Authenticator(Protocol):
    """How a token's claims become a caller."""

    def reads(self, claims: Claims, /) -> Collection[Key]:
        """List the keys of what has to be read of a token's subject."""
        ...

    def actor(self, context: Context, claims: Claims, /) -> Actor:
        """Build the caller from what was read.

        :raises InvalidTokenError: the token is revoked, or its subject gone or disabled.
        """
        ...


def respond(call: Call, operation: Operation, authenticator: Authenticator) -> Response:
    """Answer a call."""
    if operation.access.authenticates:
        call.claims = read_claims(call, required=not operation.access.permission.public)
    unreadable = read_payload(call, operation)
    key = read_key(call, operation)

    def attempt() -> Response:
        try:
            return _attempt(call, operation, authenticator, unreadable, key)
        except StaleError:
            # Everything is read and decided again: who lost a right since then does not slip through.
            call.begin_again()
            raise

    try:
        return retry_if_stale(attempt)
    except OutcomeUnknownError as error:
        if key:
            raise ServiceUnavailableError(SEND_AGAIN) from error
        raise error.told(call.context.if_unsure or operation.docs.if_unsure) from error


def _attempt(
    call: Call,
    operation: Operation,
    authenticator: Authenticator,
    unreadable: ApiError | None,
    key: IdempotencyKey | None,
) -> Response:
    budget = budget_of(call, operation)
    more = [*(budget.limits if budget else ()), *([key.key] if key else [])]
    load(call, [operation], authenticator, more)
    items = call.context.items
    if budget:
        budget.read(items)
    try:
        if budget and not (key and key.was_answered(items)):
            budget.check(items)
            budget.spend(call.context.toll)
        response = answer_once(call, operation, unreadable, key)
    except ApiError as error:
        # A call that is refused counts, too; faults of the server do not, nor do calls over a limit.
        if error.status < 500 and not isinstance(error, TooManyRequestsError):
            call.context.commit_refusal(error)
        error.headers = {**(budget.headers() if budget else {}), **error.headers}
        raise
    response.headers.update(budget.headers() if budget else {})
    return response


def read_claims(call: Call, *, required: bool) -> Claims | None:
    """Verify the access token, if there is one; without a required one, 401."""
    token = bearer_token(call.request)
    if token is None:
        if required:
            raise UnauthenticatedError
        return None
    return verify(call.context.keyring, call.request.base_url, token)


def load(
    call: Call, operations: Collection[Operation], authenticator: Authenticator, more: Iterable[Key] = ()
) -> None:
    """Read the caller and everything that the operations need in one BatchGetItem.

    Another one reads the items that these name.
    """
    wanted: list[Key | None] = list(authenticator.reads(call.claims)) if call.claims else []
    loads = [load for operation in operations for load in operation.access.loads]
    for operation in operations:
        wanted += operation.access.also_reads(call)
    call.context.read([*wanted, *more, *(call.key_of(load) for load in loads if not load.after)])
    if call.claims:
        call.caller = authenticator.actor(call.context, call.claims)
        call.context.actor_id, call.context.client_id = call.caller.id, call.claims.client_id
        note(actor_id=call.caller.id, client_id=call.claims.client_id)
    call.context.read(call.key_of(load) for load in loads if load.after)


def budget_of(call: Call, operation: Operation) -> Budget | None:
    """Open the budget of the caller, if the call counts."""
    limit = operation.access.limit
    if limit is None or (limit.when and not limit.when(call.payload)):
        return None
    return Budget.of(limit, operation.name, call.subject, call.context.settings.rate_limit_factor)


def read_key(call: Call, operation: Operation) -> IdempotencyKey | None:
    """Read the idempotency key of a request, if there is one and the operation heeds it.

    :raises MalformedRequestError: it is no key, or there is none and the operation needs one.
    """
    header = call.request.headers.get(IDEMPOTENCY_KEY.lower())
    if IDEMPOTENCY_KEY not in operation.headers:
        return None
    if header is None:
        if operation.takes.needs_key:
            raise MalformedRequestError("Send an Idempotency-Key: a new UUID with each new request.")
        return None
    owner = [call.subject, call.claims.client_id if call.claims else "", operation.name]
    request = [dict(call.params), call.request.query, call.payload]
    return IdempotencyKey.of(header, call.context.keyring.mac_key("idempotency"), owner, request)


def answer_once(
    call: Call, operation: Operation, unreadable: ApiError | None, key: IdempotencyKey | None
) -> Response:
    """Answer; a request that was answered before gets the same answer again.

    :raises StaleError: it was answered in the meantime.
    """
    scopes = operation.access.scopes
    if key is None or unreadable or (scopes and not call.actor.has_scopes(scopes)):
        return answer(call, operation, unreadable, key)
    kept = key.find(call.context.items)
    if kept is None:
        try:
            return answer(call, operation, unreadable, key)
        except ApiError as error:
            if error.status in SELF_INFLICTED and get_many([key.key]):
                raise StaleError from error  # it has taken effect since it was read
            raise
    return Response(kept["body"], {**kept["headers"], "Idempotent-Replayed": "true"}, kept["status"])


def answer(
    call: Call, operation: Operation, unreadable: ApiError | None, key: IdempotencyKey | None = None
) -> Response:
    """Authorize, validate, handle, dump and commit.

    :param unreadable: what is wrong with the body, for those who may call the operation.
    :param key: keeps the answer for the same request.
    """
    authorize(call, operation.access)
    if unreadable:
        raise unreadable
    validate(call, operation)
    result = handle(call, operation)
    hold_permission(call, operation.access)
    # The answer shows what the commit will have written, so that it can be written with it.
    call.context.work.take_over()
    response = dump(call, operation, result)
    if key:
        kept = {"status": response.status_code, "headers": response.headers, "body": response.body}
        key.keep(call.context.work, kept)
    call.context.commit()
    return response


def handle(call: Call, operation: Operation) -> Any:
    """Run the handler; a patch that changes nothing has nothing to run."""
    takes = operation.takes
    if takes.patch and takes.target and not call.body:
        return call[takes.target]
    return operation.handler(call)


def hold_permission(call: Call, access: Access) -> None:
    """Make the work depend on the items that the permission looked at: they have to be unchanged."""
    work = call.context.work
    found = [call.get(load) for load in access.permission.loads] if len(work) else []
    for item in found:
        if item is not None:
            work.hold(item)


def read_payload(call: Call, operation: Operation) -> ApiError | None:
    """Parse the body, since ids in it may be loaded with the caller.

    What is wrong with it is returned, to be told only to those who may call the operation.
    """
    takes = operation.takes
    try:
        if takes.types:
            check_size(call.request, MAX_BODY)
            if takes.parse:
                call.payload = takes.parse(call.request)
            else:
                call.payload = parse_body(call.request, takes.types, takes.body)
    except ApiError as error:
        return error
    return None


def validate(call: Call, operation: Operation) -> None:
    """Load query and body by their schemas, and check the preconditions.

    :raises PreconditionFailedError: the target has another version than If-Match names.
    """
    takes = operation.takes
    if operation.checks_query:
        call.query = load_query(takes.query or Schema, call.request.query)
    if takes.body and not takes.patch:
        call.body = load_body(takes.body, call.payload)
    if takes.target:
        target = call[takes.target]
        check_preconditions(call.request, target)
        if takes.patch:
            call.body = apply_patch(call, operation, target)
