"""Bodies and queries: strict JSON, strict forms."""

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, fields

from chalicelib.errors import InvalidValueError, MalformedRequestError
from chalicelib.web.body import _form_values, load_body, load_query, parse_form, parse_json, violations
from chalicelib.web.fields import Array, Flag, Moment, Text
from chalicelib.web.pagination import ListQuery

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


class Body(Schema):
    """Something to load."""

    title = Text(min_length=3, max_length=5, required=True)
    flag = Flag()
    number = fields.Integer(strict=True)
    moment = Moment(allow_none=True)
    parts = fields.List(fields.Nested(Schema.from_dict({"a/b": Text(max_length=2)})))


class Listed(Schema):
    """Something to look for."""

    flag = Flag()
    number = fields.Integer(strict=True)


@given(plain)
def test_what_json_holds_comes_back(value: Any) -> None:
    """RFC 8259: strict parsing accepts all valid JSON."""
    assert parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "body",
    [
        b"NaN",
        b"-Infinity",
        b"1e999",
        b'{"a":1,"a":1}',
        b'[{"a":{"b":1,"b":2}}]',
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b"\xff",
        '"x"'.encode("utf-16"),
        b"\xef\xbb\xbf1",
        b"",
        b"[" * 65 + b"]" * 65,
        b"[" * 99_999,
        b"1 2",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_json_between_systems_is_malformed(body: bytes) -> None:
    """Behaviour 48, 49: refused where Python's own parser would take most of it."""
    with pytest.raises(MalformedRequestError):
        parse_json(body)


def test_a_surrogate_pair_is_one_character() -> None:
    """Behaviour 49: both halves together are fine."""
    assert parse_json(b'"\\ud83d\\ude80"') == "\U0001f680"


@pytest.mark.parametrize("levels", [1, 63, 64])
def test_64_levels_are_fine(levels: int) -> None:
    """Behaviour 48: over 64 is refused, 64 is not."""
    assert parse_json(b"[" * levels + b"]" * levels) is not None


@pytest.mark.parametrize(
    ("body", "pairs"),
    [
        (b"", []),
        (b"a=1&b=", [("a", "1"), ("b", "")]),
        (b"a=1+2%2B3", [("a", "1 2+3")]),
        (b"a=%C3%A9&a=2", [("a", "\u00e9"), ("a", "2")]),
        ("a=\u00e9".encode(), [("a", "\u00e9")]),
        (b"a=1;b=2", [("a", "1;b=2")]),
        (b"a=%25zz", [("a", "%zz")]),
    ],
)
def test_forms(body: bytes, pairs: list[tuple[str, str]]) -> None:
    """WHATWG's form encoding: plus is a blank, an empty value counts, a semicolon separates nothing."""
    assert parse_form(body) == pairs


@pytest.mark.parametrize(
    "body", [b"a=%ff", b"\xff=1", b"a=%", b"a=%2", b"a=%g0", b"a=%ed%a0%80", b"a&" * 2000]
)
def test_what_is_no_form_is_malformed(body: bytes) -> None:
    """Behaviour 49: invalid UTF-8, stray percent signs, and no end of fields."""
    with pytest.raises(MalformedRequestError):
        parse_form(body)


@pytest.mark.parametrize(
    ("payload", "pointers"),
    [
        ([], {""}),
        (None, {""}),
        ("x", {""}),
        ({}, {"/title"}),
        ({"title": "x"}, {"/title"}),
        ({"title": "abc", "x/y~z": 1}, {"/x~1y~0z"}),
        ({"title": "abc", "flag": "true"}, {"/flag"}),
        ({"title": "abc", "flag": 1}, {"/flag"}),
        ({"title": "abc", "parts": [{}, {"a/b": "xxx"}]}, {"/parts/1/a~1b"}),
        ({"title": 5, "flag": None}, {"/title", "/flag"}),
    ],
)
def test_violations_are_pointed_at(payload: Any, pointers: set[str]) -> None:
    """RFC 9457 §3, RFC 6901: each violation says where."""
    with pytest.raises(InvalidValueError) as caught:
        load_body(Body, payload)
    assert {entry["pointer"] for entry in caught.value.errors} == pointers


def test_unknown_parameters_are_refused() -> None:
    """Each of them is named, beginning and printable characters only, with those that are known."""
    assert load_query(ListQuery, {})["limit"] == 20
    query = {"limit": ["1"], "limt": ["1"], "a\n" + 100 * "b": [""], **{f"x{n}": [] for n in range(1000)}}
    with pytest.raises(InvalidValueError) as caught:
        load_query(ListQuery, query)
    found = {each["parameter"]: each["detail"] for each in caught.value.errors}
    assert (len(found) <= 100, found.keys() & {"limit", "limt"}) == (True, {"limt"})
    assert "cursor, limit, offset" in found["limt"]
    assert "a" + 63 * "b" in found


@pytest.mark.parametrize(
    "values", [["1", "2"], ["1", "1"], [""], ["+1"], [" 1"], ["1_0"], ["1.0"], ["\u0661"], ["9" * 20]]
)
def test_bad_parameters_are_named(values: list[str]) -> None:
    """422 that names the parameter; twice is never a choice of ours."""
    with pytest.raises(InvalidValueError) as caught:
        load_query(ListQuery, {"limit": values})
    assert [entry["parameter"] for entry in caught.value.errors] == ["limit"]


def test_messages_about_the_whole_point_to_it() -> None:
    """RFC 6901: the empty pointer is the whole document."""
    assert list(violations({"_schema": ["Odd."]})) == [{"pointer": "", "detail": "Odd."}]


def test_violations_are_made_one_by_one() -> None:
    """At most a hundred violations are reported, and no more are created."""
    found = violations({"a": ["Odd."], "b": [Unsayable()]})
    assert next(found) == {"pointer": "/a", "detail": "Odd."}


class Unsayable:
    """A message that must not be asked for."""

    def __str__(self) -> str:
        raise AssertionError


class Counting(fields.String):
    """A field that notes how often it was looked at."""

    looked = 0

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        Counting.looked += 1
        return str(value)


@pytest.mark.parametrize("number", [4, 10_000])
def test_elements_are_counted_before_they_are_looked_at(number: int) -> None:
    """One violation for the list, and no work for its elements."""
    Counting.looked = 0
    schema = Schema.from_dict({"parts": Array(Counting(), max_items=3)})
    assert load_body(schema, {"parts": [""] * 3}) == {"parts": [""] * 3}
    with pytest.raises(InvalidValueError) as caught:
        load_body(schema, {"parts": [""] * number})
    assert caught.value.errors == [{"pointer": "/parts", "detail": "Must have at most 3 elements."}]
    assert Counting.looked == 3


@pytest.mark.parametrize(("number", "pointers"), [(101, 100), (102, 1), (10_000, 1)])
def test_names_are_counted_before_they_are_looked_at(number: int, pointers: int) -> None:
    """A hundred names beyond those of the schema, and no violation for each of so many."""
    with pytest.raises(InvalidValueError) as caught:
        load_body(Schema.from_dict({"title": Text(max_length=5)}), dict.fromkeys(map(str, range(number))))
    assert len(caught.value.errors) == pointers


FORMS = [
    ("flag", "true", True),
    ("flag", "False", False),
    ("flag", "yes", "yes"),
    ("number", "-12", -12),
    ("number", "0", 0),
    ("number", "012", "012"),
    ("number", "1.0", "1.0"),
    ("number", "\u0665", "\u0665"),
    ("number", "9" * 5000, "9" * 5000),
    ("title", "12", "12"),
    ("unknown", "12", "12"),
    ("moment", "null", None),
    ("moment", "Null", "Null"),
    ("title", "null", "null"),
    ("unknown", "null", "null"),
]


@pytest.mark.parametrize(("name", "text", "value"), FORMS)
def test_a_form_means_what_json_says(name: str, text: str, value: Any) -> None:
    """Bodies are JSON or forms; what is no such value stays text, for the schema to refuse."""
    assert _form_values([(name, text)], Body) == {name: value}


def test_a_query_means_what_a_form_says() -> None:
    """Both are texts for the types of a schema."""
    assert load_query(Listed, {"flag": ["true"], "number": ["-12"]}) == {"flag": True, "number": -12}


@pytest.mark.parametrize(
    "query", ["flag=yes", "flag=1", "number=012", "number=1.0", "number=%2B1", "number="]
)
def test_a_query_with_another_value_is_refused(query: str) -> None:
    """The violation names the parameter."""
    with pytest.raises(InvalidValueError) as caught:
        load_query(Listed, parse_qs(query, keep_blank_values=True))
    assert [each["parameter"] for each in caught.value.errors] == [query.partition("=")[0]]
