"""OpenAPI links: the operations that take the id of what was created, or of what an answer refers to."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import Schema

from chalicelib.web.body import schema_of
from chalicelib.web.fields import ItemId
from chalicelib.web.operation import Operation

Operations = Mapping[str, Mapping[str, Operation]]


def add_links(operations: Operations, document: dict[str, Any]) -> None:
    """Add all links to a document."""
    _link_creations(operations, document)
    _link_references(operations, document)


def _link_creations(operations: Operations, document: dict[str, Any]) -> None:
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


def _link_references(operations: Operations, document: dict[str, Any]) -> None:
    """Link each answer that shows the id of another item with the operation that reads that item."""
    readers = {path.rsplit("{", 1)[1].rstrip("}"): path for path in _addresses(operations)}
    for path, methods in operations.items():
        for method, operation in methods.items():
            responses = document["paths"][path][method.lower()]["responses"]
            for name, parameter in _references(operation):
                reader = document["paths"][readers[parameter]]["get"]["operationId"]
                link = {"operationId": reader, "parameters": {parameter: f"$response.body#/{name}"}}
                answer = responses[str(operation.gives.status)]
                answer.setdefault("links", {})[name.removesuffix("_id")] = link


def _addresses(operations: Operations) -> list[str]:
    """Return the addresses of items that GET reads by their ids."""
    return [
        path
        for path, methods in operations.items()
        if path.endswith("}") and len(_names(path)) == 1 and "GET" in methods
    ]


def _references(operation: Operation) -> Iterator[tuple[str, str]]:
    """Return the fields of an answer that hold ids of other items, with the parameters that take them."""
    if operation.gives.schema and not operation.gives.many:
        for name, field in schema_of(operation.gives.schema).fields.items():
            if isinstance(field, ItemId):
                yield name, field.parameter


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
