"""The components of headers, and references to them."""

from typing import Any

from apispec import APISpec

from chalicelib.web.deprecation import HEADERS as DEPRECATION
from chalicelib.web.headers import ORIGIN, REQUEST, RESPONSE, RequestHeader


def add_headers(spec: APISpec, *, deprecations: bool) -> None:
    """Put every header into the components.

    :param deprecations: there are deprecated operations: a component that nothing uses is a flaw.
    """
    for name, (description, schema, example) in RESPONSE.items():
        if name in DEPRECATION and not deprecations:
            continue
        header = {"description": description, "schema": schema}
        spec.components.header(name, header if example is None else {**header, "example": example})
    for each in REQUEST:
        spec.components.parameter(component(each), "header", parameter(each))


def parameter(header: RequestHeader) -> dict[str, Any]:
    """Describe a request's header as a parameter."""
    return {"name": header.name, "description": header.description, "schema": header.schema}


def component(header: RequestHeader) -> str:
    """Return the name under which a request's header stands in the components."""
    return header.name.replace("-", "")


def refer(names: tuple[str, ...], *, shared: bool = True) -> dict[str, Any]:
    """Refer to the headers of one answer, those that every answer has included.

    :param shared: pages of other origins may read it.
    """
    every = ("X-Request-Id", ORIGIN) if shared else ("X-Request-Id",)
    return {name: {"$ref": f"#/components/headers/{name}"} for name in sorted({*names, *every})}
