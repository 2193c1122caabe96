"""Conditional requests (RFC 9110 §13)."""

import pytest

from chalicelib.errors import PreconditionFailedError
from chalicelib.web.conditional import check_preconditions, etag_of, is_known
from tests.web.requests import item, request


def passes(header: str) -> bool:
    """Whether If-Match permits a write to version 5."""
    try:
        check_preconditions(request("PATCH", if_match=header), item(5))
    except PreconditionFailedError:
        return False
    return True


def test_the_tag_is_strong_and_grows() -> None:
    """RFC 9110 §8.8.3: a quoted string without W/."""
    assert [etag_of(item(version)) for version in (1, 10)] == ['"1"', '"10"']


@pytest.mark.parametrize(
    "header", ['"5"', ' "5" ', "*", " * ", '"4", "5"', '"4","5","6"', 'W/"4", "5"', '"a,b", "5"', ', "5",']
)
def test_if_match_of_this_version_passes(header: str) -> None:
    """Behaviour 47: the tag itself, in a list, or the asterisk; commas may stand inside of a tag."""
    assert passes(header)


@pytest.mark.parametrize("header", ['"4"', '"55"', '"4", "6"', 'W/"5"', 'W/"4", W/"5"', '""', '"4,\\"5\\""'])
def test_if_match_of_another_version_fails(header: str) -> None:
    """Behaviour 47: stale, and weak ones never match strongly."""
    assert not passes(header)


@pytest.mark.parametrize(
    "header",
    ["", "5", '"5', '5"', "'5'", 'w/"5"', 'x"5"', '"4""5"', '"4" "5"', '*, "5"', '"*"', "**", '"5" x'],
)
def test_a_malformed_if_match_never_matches(header: str) -> None:
    """Behaviour 47: a condition that cannot be read does not hold."""
    assert not passes(header)


def test_without_if_match_everything_passes() -> None:
    """RFC 9110 §13.1.1: no condition, no refusal."""
    assert check_preconditions(request("PATCH"), item(5)) is None  # type: ignore[func-returns-value]  # that it returns


@pytest.mark.parametrize(
    ("header", "same"), [('"5"', True), ('W/"5"', True), ("*", True), ('"4", W/"5"', True)]
)
def test_if_none_match_compares_weakly(header: str, same: bool) -> None:
    """RFC 9110 §13.1.2: a cache may hold a weak tag."""
    assert is_known(request(if_none_match=header), etag_of(item(5))) is same


@pytest.mark.parametrize("header", ['"4"', 'W/"4"', "5", "", 'w/"5"'])
def test_if_none_match_of_another_version_is_a_change(header: str) -> None:
    """RFC 9110 §13.1.2: then the whole item is sent."""
    assert not is_known(request(if_none_match=header), etag_of(item(5)))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "POST", "DELETE"])
def test_only_get_and_head_are_answered_with_304(method: str) -> None:
    """RFC 9110 §15.4.5: 304 is for GET and HEAD."""
    assert is_known(request(method, if_none_match='"5"'), etag_of(item(5))) == (method in ("GET", "HEAD"))
