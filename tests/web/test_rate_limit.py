"""Rate limits as they are declared."""

import pytest

from chalicelib.db.keys import Key
from chalicelib.errors import ApiError
from chalicelib.rate_limit import Budget, Limit, network, rate_limit
from chalicelib.web.access import PUBLIC, Access


@pytest.mark.parametrize(
    ("text", "quota", "window"),
    [
        ("10/second", 10, 1),
        ("1/minute", 1, 60),
        ("5/hours", 5, 3600),
        ("20/day", 20, 86400),
        ("100/15 minutes", 100, 900),
        ("3/2 days", 3, 172800),
    ],
)
def test_a_limit_is_a_number_per_period(text: str, quota: int, window: int) -> None:
    """Numbers, units, and multiples of units."""
    assert rate_limit(text).limits == {text: Limit("default", quota, window)}


@pytest.mark.parametrize(
    "texts",
    [
        (),
        ("",),
        ("10",),
        ("10/",),
        ("0/second",),
        ("-1/second",),
        ("1.5/second",),
        ("10/fortnight",),
        ("10/0 seconds",),
        ("ten/second",),
        ("10/second ",),
        ("10/second", "5/second"),
    ],
    ids=repr,
)
def test_what_is_no_limit_is_refused_at_import(texts: tuple[str, ...]) -> None:
    """A typing error must not leave an operation without its limit."""
    with pytest.raises(ValueError, match="rate limit"):
        rate_limit(*texts)


def test_several_limits_have_names_of_their_own() -> None:
    """Headers tell them apart by these."""
    names = [limit.name for limit in rate_limit("10/second", "100/15 minutes").limits.values()]
    assert names == ["second", "15-minutes"]


def test_headers_are_structured_fields() -> None:
    """draft-ietf-httpapi-ratelimit-headers: lists of names with q and w, r and t."""
    second, hour = Key("RATE", "second"), Key("RATE", "hour")
    limits = {second: Limit("second", 10, 1), hour: Limit("hour", 500, 3600)}
    budget = Budget(limits, now=1800, used={second: 1, hour: 458})
    assert budget.headers() == {
        "RateLimit": '"second";r=9;t=1, "hour";r=42;t=1800',
        "RateLimit-Policy": '"second";q=10;w=1, "hour";q=500;w=3600',
    }


@pytest.mark.parametrize(
    ("source", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_caller_is_its_network(source: str, counted: str) -> None:
    """Behaviour 37: whoever has a /64 has 2^64 addresses, and one limit."""
    assert network(source) == counted


@pytest.mark.parametrize(("now", "reset"), [(0, 900), (1, 899), (899, 1), (899.9, 1), (900, 900)])
def test_the_next_window_is_never_now(now: float, reset: int) -> None:
    """Retry-After: 0 would tell clients to hammer."""
    assert Limit("default", 1, 900).reset(now) == reset


def test_an_operation_without_a_limit_has_none() -> None:
    """Most have none: a limit costs a round trip."""
    assert Access(PUBLIC).limit is None


def test_errors_keep_headers_of_their_own() -> None:
    """Headers of one refusal are not another's."""
    ApiError().headers["RateLimit"] = "x"
    assert ApiError().headers == {}
