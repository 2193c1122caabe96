"""Mutation testing: whether a test notices when a line that guards something goes wrong."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tasks.processes import project_folder

FOLDER = project_folder() / ".local" / "mutation"
LOW_PRIORITY = 15
# pytest's and mutmut's exit codes of a test run, by what they say of the mutant
VERDICTS = {
    None: "not tried",
    0: "survived",
    1: "killed",
    3: "killed",
    5: "no tests",
    33: "no tests",
    152: "timeout",
    24: "timeout",
    -24: "timeout",
}


def run(names: Sequence[str], workers: int, tests: int = 0) -> int:
    """Try the mutants that have not been tried since their function changed, and print figures per file.

    :param names: patterns of mutants to try (again), such as "chalicelib.security.tokens.*"; all by default.
    :param workers: processes that test at the same time.
    :param tests: how many tests of tests/api a mutant meets at the most, 0 for all: what survives a few may
        be tried again with all.
    """
    if find_spec("mutmut") is None:
        print("Mutation testing needs: .venv/bin/pip install -r requirements-mutation.txt", file=sys.stderr)
        return 2
    _copy()
    os.environ["MUTATION_TESTS"] = str(tests)
    os.nice(LOW_PRIORITY)
    code = _mutmut("run", "--max-children", str(workers), *names)
    report()
    return code


def show(names: Sequence[str]) -> int:
    """Show what mutants change."""
    known = {name for path in _results() for name in json.loads(path.read_text("utf-8"))["exit_code_by_key"]}
    if unknown := set(names) - known:
        print(f"There is no mutant {min(unknown)}: --report names those that survive.", file=sys.stderr)
        return 2
    return max([_mutmut("show", name) for name in names], default=0)


def report() -> None:
    """Print how many mutants of each file were killed, and the names of those that were not."""
    total: Counter[str] = Counter()
    for path in _results():
        found = json.loads(path.read_text("utf-8"))["exit_code_by_key"]
        verdicts = {name: VERDICTS.get(code, f"broken ({code})") for name, code in found.items()}
        total += (counts := Counter(verdicts.values()))
        _print_line(str(path.relative_to(FOLDER / "mutants").with_suffix("")), counts)
        for name, verdict in verdicts.items():
            if verdict not in ("killed", "not tried"):
                print(f"    {verdict}: {name}")
    _print_line("all", total)


def _results() -> list[Path]:
    return sorted((FOLDER / "mutants").rglob("*.py.meta"))


def _print_line(name: str, counts: Counter[str]) -> None:
    share = 100 * (counts["killed"] + counts["timeout"]) / max(1, counts.total() - counts["not tried"])
    print(f"{name}: {share:.1f}% of {counts.total()} ({', '.join(f'{v} {k}' for k, v in counts.items())})")


def _mutmut(*arguments: str) -> int:
    # By its path, and none of ours on Python's: as a module it would import what it is to change.
    command = [sys.executable, "-P", "tasks/mutants.py", *arguments]
    return subprocess.run(command, cwd=FOLDER, check=False).returncode


def _copy() -> None:
    """Bring the copy that mutmut works in up to date; what has not changed keeps its time and its results."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=project_folder(), check=True, capture_output=True, text=True).stdout
    present = {name for name in listed.split("\0") if name and (project_folder() / name).is_file()}
    for name in present:
        source, target = project_folder() / name, FOLDER / name
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    for folder in (FOLDER, FOLDER / "mutants"):
        for name in ("chalicelib", "tests"):
            _remove_others(folder, folder / name, present)


def _remove_others(root: Path, folder: Path, present: set[str]) -> None:
    for path in folder.rglob("*.py"):
        if str(path.relative_to(root)) not in present:
            path.unlink()
