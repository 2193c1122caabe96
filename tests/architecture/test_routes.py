"""The route table: app.py holds routes and nothing else."""

import ast
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from chalice.app import Chalice
from marshmallow import Schema, fields

import app as application
from chalicelib.settings import Settings
from chalicelib.web.access import ADMIN, PUBLIC, Access
from chalicelib.web.body import schema_of
from chalicelib.web.endpoint import Api
from chalicelib.web.fields import Array
from chalicelib.web.operation import Operation
from tests.architecture.source import ROOT, code_lines, tree_of

APP = ROOT / "app.py"
STATEMENTS = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign)
LOGIC = (ast.If, ast.IfExp, ast.For, ast.While, ast.Try, ast.With, ast.FunctionDef, ast.ClassDef, ast.Lambda)
ROUTES = [
    node.value
    for node in tree_of(APP).body
    if isinstance(node, ast.Expr)
    and isinstance(node.value, ast.Call)
    and "api.route" in ast.unparse(node.value)
]
OPERATIONS = [
    (method, path, operation)
    for path, methods in application.api.operations.items()
    for method, operation in methods.items()
]


def test_app_has_no_logic() -> None:
    """No `if`, no loop, no function of its own."""
    assert [ast.unparse(node) for node in ast.walk(tree_of(APP)) if isinstance(node, LOGIC)] == []


def test_app_is_a_plain_list() -> None:
    """Imports, a few assignments and one call after the other."""
    assert [ast.unparse(node) for node in tree_of(APP).body if not isinstance(node, STATEMENTS)] == []


@pytest.mark.parametrize("call", ROUTES, ids=ast.unparse)
def test_each_route_takes_one_line(call: ast.Call) -> None:
    """One line per endpoint."""
    assert call.lineno == call.end_lineno


def test_each_line_is_an_endpoint() -> None:
    """As many lines as operations."""
    assert len(ROUTES) == len(OPERATIONS)


def test_most_of_app_is_routes() -> None:
    """app.py shows the whole API."""
    assert len(ROUTES) > len(code_lines(APP)) / 2


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=lambda value: getattr(value, "name", value)
)
def test_each_operation_is_described(method: str, path: str, operation: Operation) -> None:
    """The first sentence of a handler is its summary in the documentation."""
    assert inspect.getdoc(operation.handler), f"{method} {path}"


def test_operations_have_names_of_their_own() -> None:
    """They are the operationIds of OpenAPI."""
    names = [operation.name for _, _, operation in OPERATIONS]
    assert sorted(names) == sorted(set(names))


def handler(_: Any) -> None:
    """Stand for something that an operation does."""


@pytest.mark.parametrize(
    "thing",
    [handler, lambda _: None, None, "users", Operation],
    ids=["function", "lambda", "None", "text", "class"],
)
def test_what_is_no_operation_is_refused_at_import(settings: Settings, thing: Any) -> None:
    """A route without an operation fails before it serves anybody."""
    api = Api(Chalice(app_name="other"), settings, application.api.keystore, application.api.authenticator)
    with pytest.raises(TypeError, match="declare who may call it"):
        api.route("GET", "/things", thing)


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=lambda each: getattr(each, "name", "")
)
def test_an_operation_cannot_be_called_by_mistake(method: str, path: str, operation: Operation) -> None:
    """It is not a function: other code calls its action."""
    with pytest.raises(TypeError, match="call its action"):
        operation(lambda call: call)


@pytest.mark.parametrize(
    ("declare", "error"),
    [
        (Operation, TypeError),
        (lambda: Access(scopes=frozenset({"users:read"})), TypeError),  # type: ignore[call-arg]  # likewise
        (lambda: Access(ADMIN), ValueError),
        (lambda: Access(PUBLIC, scopes=frozenset({"users:read"})), ValueError),
    ],
    ids=["nothing", "scopes only", "a permission without scopes", "a public one with scopes"],
)
def test_an_undecided_declaration_is_refused(declare: Callable[[], object], error: type[Exception]) -> None:
    """Without an explicit access decision an operation fails at import; public is a decision."""
    with pytest.raises(error):
        declare()


def loaded(operation: Operation) -> list[type[Schema]]:
    """The schemas that what a caller sends is loaded by."""
    return [schema for schema in (operation.takes.body, operation.takes.query) if schema]


@pytest.mark.parametrize(
    "operation", [each for _, _, each in OPERATIONS if loaded(each)], ids=lambda each: each.name
)
def test_what_callers_send_is_counted_before_it_is_looked_at(operation: Operation) -> None:
    """A list has a maximum; what has elements in another way counts them by itself, and is named here."""
    found = [field for schema in loaded(operation) for field in schema_of(schema).fields.values()]
    unbounded = (fields.List, fields.Tuple, fields.Mapping, fields.Nested, fields.Raw)
    assert [
        field.name for field in found if isinstance(field, unbounded) and not isinstance(field, Array)
    ] == []
