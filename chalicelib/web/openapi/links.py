"""OpenAPI links: what was just created is what the operations on its address take."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import Schema

from chalicelib.web.body import schema_of
from chalicelib.web.operation import Operation

Operations = Mapping[str, Mapping[str, Operation]]


def add_links(operations: Operations, document: dict[str, Any]) -> None:
    """Link each operation that creates with all those under the address of what it creates."""
    for path, methods in operations.items():
        creation = methods.get("POST")
        address = next(
            (found for found in operations if re.fullmatch(re.escape(path) + r"/{\w+}", found)), ""
        )
        if creation is None or creation.gives.status != 201 or creation.gives.schema is None or not address:
            continue
        parameters = _parameters(path, address, creation.gives.schema)
        names = [entry["operationId"] for entry in _under(address, parameters, document["paths"])]
        links = {name: {"operationId": name, "parameters": parameters} for name in names}
        document["paths"][path]["post"]["responses"]["201"]["links"] = links


def _parameters(path: str, address: str, response: type[Schema]) -> dict[str, str]:
    """Return where the parts of an address are found, once the operation on a path has created something."""
    given = {name: f"$request.path.{name}" for name in _names(path)}
    name = address.rsplit("{", 1)[1].rstrip("}")
    return {**given, name: f"$response.body#{_pointer(name, response)}"}


def _pointer(name: str, response: type[Schema]) -> str:
    """Return the pointer to an id in an answer: a field of its name, in what is nested, or its own."""
    thing = name.removesuffix("_id")
    known = schema_of(response).fields
    return f"/{name}" if name in known else f"/{thing}/id" if thing in known else "/id"


def _under(address: str, parameters: dict[str, str], paths: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in paths.items():
        if f"{path}/".startswith(f"{address}/") and set(_names(path)) == parameters.keys():
            yield from methods.values()


def _names(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)
