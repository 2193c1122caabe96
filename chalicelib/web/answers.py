"""What an operation answers: read the payload, authorize, validate, handle, dump, commit."""

from typing import Any

from chalice.app import Response
from marshmallow import Schema

from chalicelib.db.table import get_many
from chalicelib.db.transaction import StaleError
from chalicelib.errors import ApiError, MalformedRequestError
from chalicelib.idempotency import IdempotencyKey
from chalicelib.rate_limit import Budget
from chalicelib.web.access import Access, authorize
from chalicelib.web.body import check_size, load_body, load_query, parse_body
from chalicelib.web.call import Call
from chalicelib.web.conditional import check_preconditions
from chalicelib.web.headers import IDEMPOTENCY_KEY
from chalicelib.web.operation import MAX_BODY, Operation
from chalicelib.web.patch import apply_patch
from chalicelib.web.responses import dump

# Refusals that the same request brings about itself, once it has taken effect: 403 as its captcha is used up.
SELF_INFLICTED = (403, 404, 409, 410, 412)


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
            parse = takes.parse or (lambda request: parse_body(request, takes.types, takes.body))
            call.payload = parse(call.request)
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
        check_preconditions(call.request, call[takes.target])
        if takes.patch:
            call.body = apply_patch(call, operation, call[takes.target])
