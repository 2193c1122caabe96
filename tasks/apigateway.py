"""The OpenAPI document as API Gateway imports it."""

import json
from typing import Any

from chalicelib.errors import (
    ApiError,
    FirewallError,
    ForbiddenError,
    InvalidValueError,
    MalformedRequestError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceUnavailableError,
    TooManyRequestsError,
    UnauthenticatedError,
    UnsupportedMediaTypeError,
)
from chalicelib.settings import Settings
from chalicelib.web.media import PROBLEM_JSON
from chalicelib.web.responses import SECURITY_HEADERS, cors_headers, problem_body

# How `chalice package` names the function, for a template that has this document as its API's body.
FUNCTION, PARTITION, REGION = "${APIHandler.Arn}", "${AWS::Partition}", "${AWS::Region}"
INVOKE = "arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{function}/invocations"
# What the gateway answers by itself, without asking the function.
ANSWERS: dict[str, type[ApiError]] = {
    "ACCESS_DENIED": ForbiddenError,
    "BAD_REQUEST_BODY": MalformedRequestError,
    "BAD_REQUEST_PARAMETERS": InvalidValueError,
    # No operation uses AWS signatures: a bad one was sent to an unknown path.
    "DEFAULT_4XX": NotFoundError,
    "DEFAULT_5XX": ApiError,
    "EXPIRED_TOKEN": NotFoundError,
    "INTEGRATION_FAILURE": ServiceUnavailableError,
    "INTEGRATION_TIMEOUT": ServiceUnavailableError,
    "INVALID_SIGNATURE": NotFoundError,
    # a path or a method that nobody declared
    "MISSING_AUTHENTICATION_TOKEN": NotFoundError,
    "QUOTA_EXCEEDED": TooManyRequestsError,
    "REQUEST_TOO_LARGE": PayloadTooLargeError,
    "RESOURCE_NOT_FOUND": NotFoundError,
    "THROTTLED": TooManyRequestsError,
    "UNAUTHORIZED": UnauthenticatedError,
    "UNSUPPORTED_MEDIA_TYPE": UnsupportedMediaTypeError,
    "WAF_FILTERED": FirewallError,
}
# The gateway takes references only to models, no examples or links, and security by its own authorizers.
INLINED = ("#/components/responses/", "#/components/headers/", "#/components/parameters/")
DROPPED = frozenset({"example", "examples", "links", "security"})


def for_apigateway(
    document: dict[str, Any],
    settings: Settings,
    *,
    binary_types: list[str],
    compress_from: int,
    function: str | None = None,
) -> dict[str, Any]:
    """Add what API Gateway needs, and leave out what it refuses.

    :param compress_from: answers of this many bytes are compressed.
    :param function: the function's ARN; by default that of the template which the document becomes a part of.
    """
    base = document["servers"][0]["url"]
    return {
        "openapi": document["openapi"],
        "info": document["info"],
        "tags": document["tags"],
        "paths": {path: _path(document, methods, function) for path, methods in document["paths"].items()},
        "components": {"schemas": _plain(document, document["components"]["schemas"])},
        "x-amazon-apigateway-binary-media-types": binary_types,
        "x-amazon-apigateway-minimum-compression-size": compress_from,
        # The function validates bodies: the gateway can't distinguish 400 from 422, or locate a violation.
        "x-amazon-apigateway-request-validators": {
            "parameters": {"validateRequestBody": False, "validateRequestParameters": True}
        },
        "x-amazon-apigateway-request-validator": "parameters",
        "x-amazon-apigateway-gateway-responses": gateway_responses(base, settings),
    }


def gateway_responses(base: str, settings: Settings) -> dict[str, Any]:
    """Write the gateway's own answers as problems.

    :param base: the API's public URL; it may hold $context variables.
    """
    return {name: _answer(name, base, settings) for name in ANSWERS}


def _path(document: dict[str, Any], methods: dict[str, Any], function: str | None) -> dict[str, Any]:
    found = _plain(document, methods)
    parameters = [each for each in next(iter(found.values()))["parameters"] if each["in"] == "path"]
    if "get" in found:
        found["head"] = {name: part for name, part in found["get"].items() if name != "operationId"}
    # Preflights and OPTIONS go to the function, too: only it knows what a caller may do.
    found["options"] = {"parameters": parameters, "responses": {"204": {"description": "Allow, or CORS."}}}
    return {method: {**entry, **_integration(function)} for method, entry in found.items()}


def _integration(function: str | None) -> dict[str, Any]:
    if function:
        _, partition, _, region, *_ = function.split(":")
        uri: Any = INVOKE.format(partition=partition, region=region, function=function)
    else:
        uri = {"Fn::Sub": INVOKE.format(partition=PARTITION, region=REGION, function=FUNCTION)}
    return {
        "x-amazon-apigateway-integration": {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "passthroughBehavior": "when_no_match",
            "uri": uri,
        }
    }


def _plain(document: dict[str, Any], node: Any) -> Any:
    """Resolve references, except to models, and remove what the gateway does not know."""
    if isinstance(node, list):
        return [_plain(document, each) for each in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref", "")
    if isinstance(reference, str) and reference.startswith(INLINED):
        kind, name = reference.split("/")[2:]
        return _plain(document, document["components"][kind][name])
    return {name: _plain(document, each) for name, each in node.items() if name not in DROPPED}


def _answer(name: str, base: str, settings: Settings) -> dict[str, Any]:
    kind = ANSWERS[name]
    error = kind()
    error.detail = kind.advice
    body = problem_body(error, base=base, instance="$context.path", request="$context.requestId")
    retry = {"Retry-After": error.headers["Retry-After"]} if "Retry-After" in error.headers else {}
    headers = {"Content-Type": PROBLEM_JSON, "Cache-Control": "no-store", **SECURITY_HEADERS, **retry}
    # The gateway's own answers can't depend on the Origin: if several are listed, they name none.
    origin = settings.cors_origins[0] if len(settings.cors_origins) == 1 else None
    headers |= cors_headers(origin, settings)
    return {
        "statusCode": str(kind.status),
        # Between the outer quotes nothing is escaped: a backslash would become a part of the header.
        "responseParameters": {f"gatewayresponse.header.{n}": f"'{text}'" for n, text in headers.items()},
        "responseTemplates": {"application/json": json.dumps(body, ensure_ascii=False)},
    }
