"""mutmut, in some respects as this code base needs it; tasks/mutation.py runs it."""

import gc
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import libcst
import pytest
from _pytest.config import _prepareconfig
from mutmut.__main__ import cli
from mutmut.configuration import config
from mutmut.mutation import file_mutation
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.runners.harness import PytestRunner
from mutmut.state import state
from mutmut.utils.file_utils import change_cwd

# A cached function gives what it gave before a mutant was chosen; mutmut knows the other two itself.
LEFT_AS_THEY_ARE = ("cache", "staticmethod", "classmethod")

MOST_TESTS = int(os.environ.get("MUTATION_TESTS", "0")) or None
OVER_THE_TABLE = "tests/api/"
WARMING = "tests/api/test_metadata.py"  # no user and no client, which the fixtures would keep
# These run while schemas are defined, so a mutant has to be there before the import; and what sees schemas.
AT_IMPORT = ("chalicelib.oauth.protocol_schemas.", "chalicelib.oauth.schemas.x__names__")
SCHEMA_TESTS = ("tests/oauth/test_schemas.py",)
KILLERS = Path("killers").absolute()  # which tests killed mutants, in a file for each function
FIRST = 5  # of them are tried before all other tests

_collected: list[pytest.Session] = []  # one, in the server that is forked for each mutant

_skip = MutationVisitor._skip_node_and_children  # noqa: SLF001 - there is no public way
_arrange = file_mutation.function_trampoline_arrangement


def _is_decorated(node: Any) -> bool:
    if not isinstance(node, libcst.FunctionDef) or not node.decorators:
        return False
    names = [getattr(decorator.decorator, "value", None) for decorator in node.decorators]
    return not any(name in LEFT_AS_THEY_ARE for name in names)


def _skip_less(visitor: Any, node: Any) -> bool:
    """Make mutants of decorated functions, too: properties and operations."""
    return bool(_skip(visitor, node.with_changes(decorators=()) if _is_decorated(node) else node))


def _arrange_decorated(function: Any, mutants: Any, class_name: str | None) -> Any:
    """Leave the decorators on what chooses a mutant: the original and its mutants are plain functions."""
    before, (chooser, *functions), after, names = _arrange(function, mutants, class_name)
    if _is_decorated(function):
        functions = [found.with_changes(decorators=()) for found in functions]
    return before, [chooser, *functions], after, names


class _Selection:
    """Runs certain tests; on pytest's command line, some of their names would not be found."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = set(names)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Select and sort."""
        items[:] = _sorted(item for item in items if not self.names or item.nodeid in self.names)


def _sorted(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Put tests without the table first, then one of each function, so that a mutant meets all kinds soon."""
    durations, seen = state().duration_by_test, Counter[str]()
    chosen = sorted(items, key=lambda item: durations.get(item.nodeid, 0))
    quick = [item for item in chosen if not item.nodeid.startswith(OVER_THE_TABLE)]
    ranks = {}
    for item in chosen:
        function = item.nodeid.partition("[")[0]
        ranks[item] = (seen[function], durations.get(item.nodeid, 0))
        seen[function] += 1
    slow = sorted((item for item in chosen if item not in set(quick)), key=lambda item: ranks[item])
    return quick + slow[:MOST_TESTS]


class _Notes:
    """Remembers which tests killed the mutants of a function: they most likely kill its next ones."""

    def __init__(self, mutant_name: str) -> None:
        self.path = KILLERS / mutant_name.partition("__mutmut_")[0]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write down what failed."""
        if report.failed:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{report.nodeid}\n")

    def read(self) -> list[str]:
        """Give the tests that killed most."""
        killers = self.path.read_text("utf-8").splitlines() if self.path.exists() else []
        return [name for name, _ in Counter(killers).most_common(FIRST)]


def _run_anew(mutant_name: str) -> int:
    """Run tests in an interpreter of their own, for a mutant of what runs once."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", *config().pytest_add_cli_args, *SCHEMA_TESTS]
    environment = {**os.environ, "MUTANT_UNDER_TEST": mutant_name}
    return int(subprocess.run(command, cwd="mutants", env=environment, check=False).returncode != 0)


def _run_tests(runner: Any, *, mutant_name: str | None, tests: Iterable[str]) -> int:
    if mutant_name and mutant_name.startswith(AT_IMPORT):
        return _run_anew(mutant_name)
    if mutant_name and _collected:
        return _run_collected(mutant_name, set(tests))
    names = list(tests)
    files = sorted({name.partition("::")[0] for name in names})
    with change_cwd("mutants"):
        arguments = runner._pytest_args_regular_run(files)  # noqa: SLF001 - see above
        return int(runner.execute_pytest(arguments, plugins=[_Selection(names)]))


def _run_collected(mutant_name: str, names: set[str]) -> int:
    """Run tests that were collected before the fork: collecting would take as long as what kills a mutant."""
    [session] = _collected
    items, notes = {item.nodeid: item for item in session.items if item.nodeid in names}, _Notes(mutant_name)
    first = [items.pop(name) for name in notes.read() if name in items]
    session.items = first + _sorted(items.values())
    session.config.pluginmanager.register(notes)
    with change_cwd("mutants"), suppress(session.Failed):
        session.config.hook.pytest_runtestloop(session=session)
    return int(session.testsfailed > 0)


def _warm_up(runner: Any) -> None:
    """Collect the tests, and run some: what they need is imported before the fork then."""
    arguments = ["--rootdir=.", "--tb=no", "-x", "-q", "-s", *config().pytest_add_cli_args]
    with change_cwd("mutants"):
        runner.execute_pytest(["-q", WARMING])
        found = _prepareconfig([*arguments, *config().pytest_add_cli_args_test_selection])
        found._do_configure()  # noqa: SLF001 - as pytest.main does it
        _collected.append(pytest.Session.from_config(found))
        found.hook.pytest_sessionstart(session=_collected[0])
        found.hook.pytest_collection(session=_collected[0])
    gc.freeze()


if __name__ == "__main__":
    MutationVisitor._skip_node_and_children = _skip_less  # noqa: SLF001 - see above
    file_mutation.function_trampoline_arrangement = _arrange_decorated
    PytestRunner.run_tests = _run_tests
    PytestRunner.warm_up = _warm_up
    KILLERS.mkdir(exist_ok=True)
    cli()
