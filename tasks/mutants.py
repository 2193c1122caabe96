"""mutmut, in some respects as this code base needs it; tasks/mutation.py runs it."""

import gc
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import libcst
import pytest
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
    """Runs certain tests; on pytest's command line, some of their names would not be found.

    Those without the table come first, then one of each function, so that a mutant meets all kinds soon.
    """

    def __init__(self, names: Iterable[str], killers: Path) -> None:
        self.names = set(names)
        self.killers = killers

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what killed a mutant."""
        if report.failed:
            with self.killers.open("a", encoding="utf-8") as file:
                file.write(f"{report.nodeid}\n")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Select and sort."""
        durations, seen = state().duration_by_test, Counter[str]()
        chosen = [item for item in items if not self.names or item.nodeid in self.names]
        quick = [item for item in chosen if not item.nodeid.startswith(OVER_THE_TABLE)]
        quick.sort(key=lambda item: durations.get(item.nodeid, 0))
        slow = {}
        for item in sorted(set(chosen) - set(quick), key=lambda item: durations.get(item.nodeid, 0)):
            function = item.nodeid.partition("[")[0]
            slow[item] = (seen[function], durations.get(item.nodeid, 0))
            seen[function] += 1
        items[:] = quick + sorted(slow, key=lambda item: slow[item])[:MOST_TESTS]


def _run_anew(mutant_name: str) -> int:
    """Run tests in an interpreter of their own, for a mutant of what runs once."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", *config().pytest_add_cli_args, *SCHEMA_TESTS]
    environment = {**os.environ, "MUTANT_UNDER_TEST": mutant_name}
    return int(subprocess.run(command, cwd="mutants", env=environment, check=False).returncode != 0)


def _run_tests(runner: Any, *, mutant_name: str | None, tests: Iterable[str]) -> int:
    if mutant_name and mutant_name.startswith(AT_IMPORT):
        return _run_anew(mutant_name)
    killers = KILLERS / str(mutant_name).partition("__mutmut_")[0]
    # what killed other mutants of a function most likely kills this one
    known = Counter(killers.read_text("utf-8").splitlines() if killers.exists() else ())
    first = [name for name, _ in known.most_common(FIRST) if name in set(tests)]
    others = [name for name in tests if name not in first]
    code = 0
    for names in filter(None, (first, others)) if first else (others,):
        code = code or _run_some(runner, names, killers)
    return code


def _run_some(runner: Any, names: list[str], killers: Path) -> int:
    files = sorted({name.partition("::")[0] for name in names})
    with change_cwd("mutants"):
        arguments = [*runner._pytest_args_regular_run(files), "--tb=no"]  # noqa: SLF001 - see above
        return int(runner.execute_pytest(arguments, plugins=[_Selection(names, killers)]))


def _warm_up(runner: Any) -> None:
    """Collect the tests, as mutmut does, and run some: what they need is imported before the fork then."""
    with change_cwd("mutants"):
        runner.execute_pytest(["--collect-only", "-qqq", *config().pytest_add_cli_args_test_selection])
        runner.execute_pytest(["-q", WARMING])
    gc.freeze()


if __name__ == "__main__":
    MutationVisitor._skip_node_and_children = _skip_less  # noqa: SLF001 - see above
    file_mutation.function_trampoline_arrangement = _arrange_decorated
    PytestRunner.run_tests = _run_tests
    PytestRunner.warm_up = _warm_up
    KILLERS.mkdir(exist_ok=True)
    cli()
