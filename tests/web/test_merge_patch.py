"""JSON Merge Patch: the examples of RFC 7396, and their reduction to operations."""

from copy import deepcopy
from typing import Any

import jsonpatch
import pytest

from chalicelib.web.patch import merge, operations_of

# RFC 7396, appendix A, in its order: the document, the patch and the result.
EXAMPLES: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
# RFC 7396 §3
ARTICLE = {
    "title": "Goodbye!",
    "author": {"givenName": "John", "familyName": "Doe"},
    "tags": ["example", "sample"],
    "content": "This will be unchanged",
}
CHANGE = {
    "title": "Hello!",
    "phoneNumber": "+01-123-456-7890",
    "author": {"familyName": None},
    "tags": ["example"],
}
CHANGED = {
    "title": "Hello!",
    "author": {"givenName": "John"},
    "tags": ["example"],
    "content": "This will be unchanged",
    "phoneNumber": "+01-123-456-7890",
}
ALL = [*EXAMPLES, (ARTICLE, CHANGE, CHANGED)]


@pytest.mark.parametrize(("document", "patch", "result"), ALL)
def test_the_examples_of_the_rfc(document: Any, patch: Any, result: Any) -> None:
    """RFC 7396 §3 and appendix A; neither the document nor the patch is changed."""
    before = deepcopy((document, patch))
    assert merge(document, patch) == result
    assert (document, patch) == before


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [each for each in ALL if isinstance(each[0], dict) and isinstance(each[1], dict)],
)
def test_the_operations_mean_the_same(document: Any, patch: Any, result: Any) -> None:
    """Applied as a JSON Patch they give what the RFC wants of objects."""
    assert jsonpatch.apply_patch(document, operations_of(document, patch)) == result


def test_the_confirmation_comes_first() -> None:
    """Wherever the member stands, it is tested before anything is changed."""
    found = operations_of({}, {"a/b~c": 1, "current_password": "w", "z": None})
    assert found == [
        {"op": "test", "path": "/current_password", "value": "w"},
        {"op": "add", "path": "/a~1b~0c", "value": 1},
        {"op": "remove", "path": "/z"},
    ]
