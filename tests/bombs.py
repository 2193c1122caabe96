"""Input that would be costly if it were parsed before its size is checked, for each field of each operation.

It is made from the declarations, so a new operation has its bombs without a line here.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from chalicelib.web.body import schema_of
from chalicelib.web.media import FORM, JSON, JSON_PATCH
from chalicelib.web.operation import MAX_BODY, Operation
from tests.api.world import World
from tests.http import Answer

ROOM = MAX_BODY - 1024  # bytes for what is large in a body
LINE = 9000  # bytes for what is large in the request line and the headers (AWS quota: 10,240 for all of them)
ACUTE, BELOW = "\u0301", "\u0316"  # two classes: normalizing sorts them
# What looks at headers is the same for all operations: one of each sort has the bombs that stand there.
READERS = {"get_me", "patch_user", "create_user", "create_token", "start_authorization", "get_health"}
EXPANDING = "\ufdfa"  # 18 characters by NFKC


@dataclass(frozen=True)
class Bomb:
    """One request.

    :param name: what is large in it.
    :param query: behind the question mark.
    :param parts: parts of the path.
    """

    name: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""
    parts: dict[str, str] = field(default_factory=dict)


def texts(room: int) -> Iterator[tuple[str, str]]:
    """Make texts that fill so many bytes of UTF-8."""
    half = room // 4
    yield "marks in the worst order", "a" + ACUTE * half + BELOW * half
    yield "marks by turns", "a" + (ACUTE + BELOW) * half
    yield "thirty marks a letter", ("a" + (ACUTE + BELOW) * 15) * (room // 61)
    yield "expanding characters", EXPANDING * (room // 3)
    yield "letters", "a" * room
    yield "digits", "9" * room
    yield "blanks", "a" + " " * (room - 2) + "a"
    yield "at signs", "a@" * (room // 2)
    yield "dots", "a@" + "a." * (room // 2 - 1)
    yield "quotes", '"a"@' * (room // 4)
    yield "slashes", "/~1" * (room // 3)
    yield "commas", '"3", ' * (room // 5)
    yield "colons", "https://a:1/" + "?a=b&" * (room // 5 - 3)


def values(room: int) -> Iterator[tuple[str, Any]]:
    """Make values of JSON that fill so many bytes."""
    yield from texts(room)
    yield "empty texts", [""] * (room // 3)
    yield "numbers", [0] * (room // 2)
    yield "huge numbers", [int("9" * 4000)] * (room // 4002)
    yield "tiny numbers", [1e-300] * (room // 7)
    yield "empty lists", [[]] * (room // 3)
    yield "empty objects", [{}] * (room // 3)
    yield "addresses", [f"https://a.test/{number}" for number in range(room // 25)]
    yield "a wide object", {str(number): 0 for number in range(room // 10)}
    yield "deep lists", [_deep(60)] * (room // 123)
    yield "marked names", {f"{number}a{(ACUTE + BELOW) * 14}": 0 for number in range(room // 72)}


def _deep(levels: int) -> list[Any]:
    return [_deep(levels - 1)] if levels else []


def bombs(path: str, operation: Operation) -> Iterator[Bomb]:
    """Make all bombs of an operation."""
    for name in re.findall(r"{(\w+)}", path):
        for what, text in texts(LINE):
            yield Bomb(f"path {name}: {what}", parts={name: quote(text, safe="")[:LINE]})
    yield from _queries(operation)
    if operation.name in READERS:
        yield from _headers()
    if operation.takes.patch:
        yield from _patches(operation)
    elif operation.takes.body:
        fields = schema_of(operation.takes.body).fields
        is_form = operation.takes.parse is not None
        yield from _forms(fields) if is_form else _bodies(fields, JSON in operation.takes.types)
    yield Bomb("more than a body may have", b"[" * (MAX_BODY + 1), {"Content-Type": JSON})


def _queries(operation: Operation) -> Iterator[Bomb]:
    declared = operation.takes.query
    for name in schema_of(declared).fields if declared else ():
        for what, text in texts(LINE // 3):
            yield Bomb(f"query {name}: {what}", query=urlencode({name: text})[:LINE])
        yield Bomb(f"query {name}: many", query="&".join([f"{name}=1"] * (LINE // (len(name) + 3))))
    yield Bomb("query: many names", query="&".join(f"{number:x}=" for number in range(LINE // 6)))


def _headers() -> Iterator[Bomb]:
    for name in ("Authorization", "If-Match", "If-None-Match", "Content-Type", "Origin", "Cookie", "X-Any"):
        for what, text in texts(LINE):
            yield Bomb(f"{name}: {what}", headers={name: text})
    for what, text in texts(LINE // 2):
        yield Bomb(f"Bearer: {what}", headers={"Authorization": f"Bearer {text}"})
        encoded = base64.b64encode(text.encode()).decode()
        yield Bomb(f"Basic: {what}", headers={"Authorization": f"Basic {encoded}"})
        yield Bomb(f"JWT: {what}", headers={"Authorization": f"Bearer {_jwt(text)}"})
    yield Bomb("many headers", headers={f"x-{number}": "" for number in range(LINE // 8)})


def _jwt(text: str) -> str:
    header = json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": text[: LINE // 12]}).encode()
    return ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (header, b"{}", b"x" * 256)
    )


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _bodies(names: Iterable[str], takes_json: bool) -> Iterator[Bomb]:
    yield from _forms(names)
    if not takes_json:
        return
    kind = {"Content-Type": JSON}
    for name in names:
        for what, value in values(ROOM):
            yield Bomb(f"{name}: {what}", _json({name: value}), kind)
    for what, value in values(ROOM):
        yield Bomb(f"body: {what}", _json(value), kind)
    yield Bomb("brackets", b"[" * ROOM, kind)
    yield Bomb("escapes", b'"' + b"\\u0041" * (ROOM // 6) + b'"', kind)


def _forms(names: Iterable[str]) -> Iterator[Bomb]:
    kind = {"Content-Type": FORM}
    for name in names:
        for what, text in texts(ROOM):
            yield Bomb(
                f"form {name}: {what}", f"{name}={text.replace(' ', '+').replace('&', ';')}".encode(), kind
            )
        yield Bomb(f"form {name}: escapes", f"{name}=".encode() + b"%41" * (ROOM // 3), kind)
        yield Bomb(f"form {name}: many", b"&".join([f"{name}=1".encode()] * 999), kind)
    yield Bomb("form: many names", b"&".join(f"{number:x}=".encode() for number in range(999)), kind)
    yield Bomb("form: too many names", b"&a" * (ROOM // 2), kind)
    yield Bomb("form: percent signs", b"a=" + b"%" * ROOM, kind)


def _patches(operation: Operation) -> Iterator[Bomb]:
    assert operation.takes.patch
    names = [*operation.takes.patch, "current_password"]
    for name in names:
        for what, value in values(ROOM):
            yield _patch(f"{name}: {what}", [{"op": "add", "path": f"/{name}", "value": value}])
            yield _patch(f"test {name}: {what}", [{"op": "test", "path": f"/{name}", "value": value}])
        for what, text in texts(ROOM):
            yield _patch(f"{name}, path: {what}", [{"op": "replace", "path": f"/{name}/{text}", "value": 0}])
            yield _patch(
                f"{name}, from: {what}", [{"op": "copy", "from": f"/{name}{text}", "path": f"/{name}"}]
            )
        large = {"op": "add", "path": f"/{name}", "value": [[]] * 128}
        yield _patch(
            f"{name}: copied", [large, *[{"op": "copy", "from": f"/{name}", "path": f"/{name}"}] * 63]
        )
        yield _patch(f"{name}: large each time", [large] * 64)
        yield _patch(
            f"{name}: and tests", [large, *[{"op": "test", "path": f"/{name}", "value": [[]] * 120}] * 63]
        )
        long = {"op": "add", "path": f"/{name}", "value": "a" * 60_000}
        yield _patch(
            f"{name}: long, and tests", [long, *[{"op": "test", "path": f"/{name}", "value": ""}] * 63]
        )
        nested = {"op": "copy", "from": f"/{name}", "path": f"/{name}/-"}
        yield _patch(
            f"{name}: in itself", [{"op": "add", "path": f"/{name}", "value": [""] * 100}, *[nested] * 63]
        )
    yield _patch("many operations", [{}] * (ROOM // 3))
    for what, value in values(ROOM):
        yield _patch(f"patch: {what}", value)


def _patch(name: str, operations: Any) -> Bomb:
    return Bomb(name, _json(operations), {"Content-Type": JSON_PATCH})


def callers(operation: Operation) -> list[str]:
    """Who sends them: the caller with the most rights, and an anonymous one where no sign-in is needed."""
    return ["admin", "anonymous"] if operation.access.permission.public else ["admin"]


def send(world: World, caller: str, method: str, path: str, bomb: Bomb) -> Answer:
    """Send a bomb as a caller."""
    address = world.address(caller, method, path).partition("?")[0]
    if bomb.parts:
        address = path.format_map({**world.ids("owner"), **bomb.parts})
    token = None if "Authorization" in bomb.headers else world.token(caller)
    query = f"?{bomb.query}" if bomb.query else ""
    return world.api(method, address + query, token=token, raw=bomb.body, headers=bomb.headers)
