"""Bodies and content types that attack parsers: refused with a 4xx, never a 500."""

import gzip

import pytest

from tests.api import hostile
from tests.api.hostile import TEAMS, post
from tests.api.world import World
from tests.http import FORM, JSON
from tests.problems import flaws

MOST = 64 * 1024  # bytes of a body

world = hostile.world  # a fixture


@pytest.mark.parametrize(("size", "status"), [(MOST, 201), (MOST + 1, 413), (3_000_000, 413)])
def test_bodies_end_at_64_kib(world: World, size: int, status: int) -> None:
    """Behaviour 48: exactly 64 KiB is taken, a byte more is 413."""
    body = b'{"title": "Engines"}'
    answer = post(world, body + b" " * (size - len(body)))
    assert (answer.status, answer.status == 201 or flaws(answer) == []) == (status, True)


def test_large_bodies_are_refused_at_the_token_endpoint(world: World) -> None:
    """Behaviour 48: in the form of RFC 6749."""
    answer = world.api("POST", "/auth/oauth2/token", raw=b"a=" + b"b" * MOST, headers={"Content-Type": FORM})
    assert (answer.status, answer.json["error"]) == (413, "invalid_request")


@pytest.mark.parametrize(
    ("levels", "status"), [(64, 422), (65, 400), (1000, 400), (5000, 400), (30_000, 400)]
)
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")], ids=["array", "object"])
def test_nesting_ends_at_64_levels(
    world: World, opening: str, closing: str, levels: int, status: int
) -> None:
    """Behaviour 48: deeper nesting is 400, never a server error."""
    levels = min(levels, MOST // len(opening + closing) - 1)
    text = opening * levels + ("" if opening == "[" else "1") + closing * levels
    answer = post(world, text.encode())
    assert (answer.status, flaws(answer)) == (status, [])


def test_nesting_that_never_ends_is_malformed(world: World) -> None:
    """Behaviour 48: only brackets."""
    assert post(world, b"[" * MOST).status == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"nope",
        b"'title'",
        b'{"title": "Engines",}',
        b'{"title": "Engines"} {}',
        b'{"title": NaN}',
        b'{"title": Infinity}',
        b'{"title": -Infinity}',
        b'{"title": 1e400}',
        b'{"title": -1e400}',
        b'{"title": "Engines", "title": "Machines"}',
        b'{"title": "Engines", "t\\u0069tle": "Machines"}',
        b'{"a": {"b": 1, "b": 2}}',
        '{"title": "Engines"}'.encode("utf-16"),
        '{"title": "Engines"}'.encode("utf-16-le"),
        '{"title": "Engines"}'.encode("utf-32"),
        '{"title": "Engines"}'.encode("utf-8-sig"),
        b'{"title": "\\ud800abc"}',
        b'{"title": "abc\\udfff"}',
        b'{"\\ud800": 1}',
        b'{"a": ["\\udc00\\ud800"]}',
        b'{"title": "\xff\xfe\xfd"}',
        b'{"title": "\xc0\xafabc"}',
        b'{"title": "\xed\xa0\x80abc"}',
        b'{"title": "a\x00bc"}',
        b'{"title": "a\nbc"}',
        b'{"title": 0123}',
        b'{"title": ' + b"9" * 5000 + b"}",
        b"\x1f\x8b\x08\x00",
    ],
    ids=lambda body: repr(body[:32]),
)
def test_json_that_is_none_between_systems_is_malformed(world: World, body: bytes) -> None:
    """Behaviour 49: RFC 8259 §8.1, §4, §6 and §7; some parsers take the first reading, some the last."""
    answer = post(world, body)
    assert (answer.status, flaws(answer)) == (400, [])


@pytest.mark.parametrize(
    "body",
    [
        b"title=%ff%fe%fd",
        b"title=%c0%afabc",
        b"title=%ed%a0%80abc",
        b"title=\xff\xfeabc",
        b"title=100%",
        b"title=%zzabc",
        b"title=Engines&title=Machines",
        b"title=Engines&access_token=x",
        b"a=&" * 1001,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_forms_that_do_not_parse_are_malformed(world: World, body: bytes) -> None:
    """Behaviour 17, 49: invalid UTF-8, stray percent signs, doubles, a token in the body."""
    answer = post(world, body, FORM)
    assert (answer.status, flaws(answer)) == (400, [])


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "null",
        "5",
        '"title"',
        "true",
        "{}",
        '{"title": null}',
        '{"title": 5}',
        '{"title": 1.5}',
        '{"title": []}',
        '{"title": {}}',
        '{"title": true}',
        '{"title": 1e300}',
        '{"title": ' + "9" * 39 + "}",
    ],
)
def test_json_of_another_shape_is_invalid(world: World, body: str) -> None:
    """Behaviour 50: it parses, and breaks the schema."""
    answer = post(world, body.encode())
    assert (answer.status, flaws(answer)) == (422, [])


@pytest.mark.parametrize(
    "content_type",
    [
        JSON,
        "APPLICATION/JSON; charset=utf-8",
        "application/json;charset=UTF-8",
        " application/json ",
        "Application/Json;",
    ],
)
def test_spellings_of_a_content_type(world: World, content_type: str) -> None:
    """Behaviour 51: media types have no case, and may carry parameters."""
    assert post(world, b'{"title": "Engines"}', content_type).status == 201


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "json",
        "*/*",
        "application/json-patch+json",
        "text/html, application/json",
        ";application/json",
        "\u00e4/json",
    ],
)
def test_other_content_types_are_415(world: World, content_type: str | None) -> None:
    """Behaviour 51: missing or wrong, and Accept says what is right."""
    answer = post(world, b'{"title": "Engines"}', content_type)
    assert (answer.status, answer.headers["accept"], flaws(answer)) == (415, f"{JSON}, {FORM}", [])


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/merge-patch", FORM])
def test_other_content_types_of_a_patch_are_415(world: World, content_type: str | None) -> None:
    """Behaviour 43, 51: and Accept-Patch says what is right."""
    headers = {"Content-Type": content_type} if content_type else {}
    path = world.address("leader", "PATCH", "/api/v1/teams/{team_id}")
    answer = world.api("PATCH", path, token=world.token("leader"), raw=b"[]", headers=headers)
    assert (answer.status, answer.headers["accept-patch"]) == (
        415,
        f"application/json-patch+json, {JSON}, application/merge-patch+json",
    )


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "deflate, gzip", "identity, gzip", "x"])
def test_encoded_bodies_are_415(world: World, encoding: str) -> None:
    """RFC 9110 §15.5.16: a compressed body is refused as that, and Accept-Encoding says what is right."""
    headers = {"Content-Type": JSON, "Content-Encoding": encoding}
    body = gzip.compress(b'{"title": "Engines"}')
    answer = world.api("POST", TEAMS, token=world.token("admin"), raw=body, headers=headers)
    assert (answer.status, answer.headers["accept-encoding"], flaws(answer)) == (415, "identity", [])


@pytest.mark.parametrize("path", ["/auth/oauth2/token", "/auth/oauth2/revoke", "/auth/oauth2/introspect"])
def test_encoded_forms_are_415(world: World, path: str) -> None:
    """The OAuth2 endpoints say it in their own form."""
    headers = {"Content-Type": FORM, "Content-Encoding": "gzip"}
    answer = world.api("POST", path, raw=gzip.compress(b"token=x"), headers=headers)
    assert (answer.status, answer.headers["accept-encoding"]) == (415, "identity")
    assert answer.json == {
        "error": "invalid_request",
        "error_description": "Send the body as it is, without Content-Encoding.",
    }


@pytest.mark.parametrize("encoding", ["identity", " Identity ", ""])
def test_identity_is_no_encoding(world: World, encoding: str) -> None:
    """RFC 9110 §12.5.3: it says that the body is as it is."""
    headers = {"Content-Type": JSON, "Content-Encoding": encoding}
    body = b'{"title": "Engines"}'
    assert world.api("POST", TEAMS, token=world.token("admin"), raw=body, headers=headers).status == 201


def test_without_a_body_its_encoding_is_nothing(world: World) -> None:
    """Some clients name their encoding in every request."""
    headers = {"Content-Encoding": "gzip"}
    assert world.api("GET", "/health", headers=headers).status == 200
    assert world.api("GET", TEAMS, token=world.token("admin"), headers=headers).status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "nonsense", "application/xml; q=é", ""])
def test_a_get_ignores_its_content_type(world: World, content_type: str) -> None:
    """Behaviour 51: without a body there is no wrong type (plain Chalice would answer 415)."""
    assert world.api("GET", "/health", headers={"Content-Type": content_type}).status == 200
