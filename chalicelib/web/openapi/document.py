"""The OpenAPI document of the whole API, from its operations' declarations."""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from apispec import APISpec
from apispec.yaml_utils import dict_to_yaml

from chalicelib.web.headers import DEPRECATION, REQUEST, RESPONSE
from chalicelib.web.openapi.links import add_links
from chalicelib.web.openapi.models import Models, add_examples, complete_responses, open_others
from chalicelib.web.openapi.operations import CLIENT, OAUTH2, body_schema, component, describe, parameter
from chalicelib.web.openapi.problems import Refusals
from chalicelib.web.openapi.version_31 import to_31
from chalicelib.web.operation import Docs, Operation

# API Gateway imports 3.0, not 3.1.
OPENAPI = "3.0.3"
TITLE = "Grail"
VERSION = "0.1.0"
CONTACT = {"name": "The Grail authors"}
LICENSE = {"name": "MIT", "url": "https://opensource.org/license/mit"}
AUTHORIZATION_PATH = "/auth/oauth2/authorize"
TOKEN_PATH = "/auth/oauth2/token"  # noqa: S105 - a path, no password
ACCESS_TOKEN = "An access token (RFC 6750): a JWT (RFC 9068), verified as RFC8725 has it."  # noqa: S105 - no token
DESCRIPTION = """\
Users, teams and OAuth2 clients behind an OAuth2 token endpoint.

Each operation says who may call it, which scopes its token needs, and every refusal it can give. Refusals
are problems (RFC 9457) whose `type` resolves to an explanation; the OAuth2 endpoints answer as RFC 6749
§5.2 has it. HEAD is answered wherever GET is.
"""

Operations = Mapping[str, Mapping[str, Operation]]


def build(
    operations: Operations,
    scopes: Mapping[str, str],
    base_url: str,
    groups: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Write the document; `groups` are the descriptions of the groups of operations."""
    spec = APISpec(
        title=TITLE,
        version=VERSION,
        openapi_version=OPENAPI,
        plugins=[Models()],
        info={"description": DESCRIPTION, "contact": CONTACT, "license": LICENSE},
        servers=[{"url": base_url, "x-internal": False}],
        tags=_tags(operations, groups),
        security=[],
    )
    _add_security(spec, scopes, base_url)
    everything = list(_all(operations))
    _add_headers(spec, deprecations=any(operation.docs.deprecated for operation in everything))
    refusals = Refusals(spec, base_url)
    for path, methods in operations.items():
        entries = {method.lower(): describe(each, path, refusals) for method, each in methods.items()}
        spec.path(path=path, operations=entries)
    bodies = [body_schema(operation) for operation in everything if not operation.takes.parse]
    open_others(spec, filter(None, bodies))
    complete_responses(spec, {operation.gives.schema for operation in everything if operation.gives.schema})
    add_examples(spec.components.schemas)
    document: dict[str, Any] = spec.to_dict()
    add_links(operations, document)
    _mark_deprecated(operations, document)
    return document


def write(document: dict[str, Any], form: str) -> str:
    """Write a document as "json" or "yaml", or in version "3.1" as JSON."""
    if form == "yaml":
        return as_yaml(document)
    return json.dumps(to_31(document) if form == "3.1" else document, ensure_ascii=False)


def as_yaml(document: dict[str, Any]) -> str:
    """Write a document as YAML."""
    # A copy in which nothing is shared: the writer would use aliases, which not every importer reads.
    return dict_to_yaml(json.loads(json.dumps(document)), {"allow_unicode": True})


def _all(operations: Operations) -> Iterator[Operation]:
    for methods in operations.values():
        yield from methods.values()


def _tags(operations: Operations, groups: Mapping[str, str]) -> list[dict[str, str]]:
    names = dict.fromkeys(operation.group for operation in _all(operations))
    return [{"name": name, "description": groups.get(name, "")} for name in names]


def _add_security(spec: APISpec, scopes: Mapping[str, str], base_url: str) -> None:
    # Absolute: resolved against the server's URL, a path would lose the stage in front of it.
    url = base_url + TOKEN_PATH
    flow = {"tokenUrl": url, "refreshUrl": url, "scopes": dict(scopes)}
    flows = {
        "authorizationCode": {"authorizationUrl": base_url + AUTHORIZATION_PATH, **flow},
        "password": flow,
        "clientCredentials": {name: value for name, value in flow.items() if name != "refreshUrl"},
    }
    spec.components.security_scheme(OAUTH2, {"type": "oauth2", "description": ACCESS_TOKEN, "flows": flows})
    words = "A confidential client's id and secret; both may come in the form instead."
    spec.components.security_scheme(CLIENT, {"type": "http", "scheme": "basic", "description": words})


def _add_headers(spec: APISpec, *, deprecations: bool) -> None:
    # A component that nothing uses is a flaw.
    for name, (description, schema, example) in RESPONSE.items():
        if deprecations or name not in DEPRECATION:
            header = {"description": description, "schema": schema}
            spec.components.header(name, header if example is None else {**header, "example": example})
    for name in REQUEST:
        spec.components.parameter(component(name), "header", parameter(name))


def _mark_deprecated(operations: Operations, document: dict[str, Any]) -> None:
    """Mark each deprecated operation, and describe when it goes and what replaces it."""
    routes = {
        operation.name: f"{method} {path}"
        for path, methods in operations.items()
        for method, operation in methods.items()
    }
    for path, methods in operations.items():
        for method, operation in methods.items():
            if operation.docs.deprecated:
                _mark(document["paths"][path][method.lower()], operation.docs, routes)


def _mark(entry: dict[str, Any], docs: Docs, routes: Mapping[str, str]) -> None:
    words = f"**DEPRECATED since {docs.deprecated}, and gone from {docs.sunset} on.**"
    if docs.successor:
        words += f" Use `{routes[docs.successor.name]}` instead."
    if docs.guide:
        words += f" [How to change over]({docs.guide})."
    entry["deprecated"] = True
    entry["x-sunset"] = str(docs.sunset)  # by which oasdiff knows when it may go
    entry["description"] = f"{words}\n\n{entry['description']}"
