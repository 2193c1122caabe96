"""DynamoDB in this process: ministack, the engine of `make run`, called as its own server calls it.

It takes moto's place behind botocore, for DynamoDB only: it is many times faster, its transactions are
atomic, and it enforces limits that moto does not know.
"""

import copy
import importlib
import re
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from moto.core.models import botocore_stubber

from tasks import engine
from tasks.engine_server import READING

ACCOUNT = "123456789012"
URL = re.compile(r"https://dynamodb\.([a-z0-9-]+)\.amazonaws\.com/")

_moto = botocore_stubber.process_request
_sign = RequestSigner.sign
_sent = Counter[bool]()  # requests, by whether they may write
_turn = threading.Lock()  # ministack's server handles one request at a time, too


def share(folder: Path) -> None:
    """Share this project's engine with a copy of the project."""
    engine.installed_python()
    (folder / ".local").mkdir(exist_ok=True)
    (folder / ".local" / "engine").symlink_to(engine.HOME)


@cache
def _ministack() -> tuple[Any, Any]:
    """Import ministack, and nothing else, from the engine's environment."""
    lib = engine.installed_python().parents[1] / "lib"
    spec = PathFinder.find_spec("ministack", [str(path) for path in lib.glob("python*/site-packages")])
    assert spec
    assert spec.loader
    sys.modules["ministack"] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    # Without the thread that removes expired items: it sleeps by a clock that tests replace.
    with patch.object(threading.Thread, "start"):
        dynamodb = importlib.import_module("ministack.services.dynamodb")
    _remember(dynamodb)
    return dynamodb, importlib.import_module("ministack.core.responses").request_scope


def _remember(dynamodb: Any) -> None:
    """Read each expression once: tests send the same few thousands of times."""
    tokens = cache(dynamodb._tokenize)
    dynamodb._tokenize = lambda expression: list(tokens(expression))
    dynamodb._condition_syntax_error = cache(dynamodb._condition_syntax_error)


def _process(request: AWSPreparedRequest) -> Any:
    """Answer a request as moto's stub does: with status, headers and body."""
    found = URL.match(request.url)
    if not found:
        return _moto(request)
    target = request.headers["X-Amz-Target"]
    headers = {"x-amz-target": target.decode() if isinstance(target, bytes) else str(target)}
    _sent[not headers["x-amz-target"].partition(".")[2].startswith(READING)] += 1
    dynamodb, request_scope = _ministack()
    with _turn, request_scope(ACCOUNT, found[1]):
        try:
            dynamodb.handle_request("POST", "/", headers, request.body, {}).send(None)
        except StopIteration as answer:
            return answer.value
    raise AssertionError("ministack waits for something")


def _sign_others(self: RequestSigner, operation_name: str, request: Any, **more: Any) -> None:
    """Sign no request to the engine, which checks no signatures; they take as long as its answers."""
    if not URL.match(request.url):
        _sign(self, operation_name, request, **more)


def install() -> None:
    """Answer DynamoDB's requests from here on."""
    RequestSigner.sign = _sign_others
    UserAgentString.to_string = lambda _: "tests"  # put together twice for each request otherwise
    botocore_stubber.process_request = _process  # type: ignore[method-assign]


def saved_tables() -> Callable[[], None]:
    """Return a function that restores all tables, and what else is known of them, as they are now."""
    dynamodb, _ = _ministack()
    state = dynamodb.get_state()

    def restore() -> None:
        dynamodb.reset()
        dynamodb.load_persisted_state(copy.deepcopy(state))

    return restore


def saved_items(region: str, table_name: str) -> Callable[[], None]:
    """Return a function that restores the items of a table; ministack replaces items, and changes none."""
    dynamodb, request_scope = _ministack()

    def table() -> Any:
        with request_scope(ACCOUNT, region):
            return dynamodb._tables[table_name]

    items = {key: dict(rows) for key, rows in table()["items"].items()}

    def restore() -> None:
        here = table()
        here["items"] = defaultdict(dict, {key: dict(rows) for key, rows in items.items()})
        dynamodb._items_replaced(here)

    return restore


def writes() -> int:
    """Return how many requests were sent that may write."""
    return _sent[True]


def clear() -> None:
    """Delete all tables."""
    _ministack()[0].reset()
