"""The locks: every package is pinned with its hashes, those that others need included."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version
from itertools import chain

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source import ROOT

LOCKS = ("requirements", "requirements-deploy", "requirements-dev")
APART = "requirements-checkov"  # what it locks is installed in an environment of its own
OPTIONAL = {"certifi", "setuptools"}  # taken where they are installed, and not missed elsewhere
PIN = re.compile(r"^(\S+)==(\S+)( ; [^\\]+)?((?: --hash=sha256:[0-9a-f]{64})+)$")


def lines(name: str) -> list[str]:
    """The entries of a file of requirements, each in one line, without comments."""
    text = (ROOT / name).read_text("utf-8").replace("\\\n", "")
    found = [re.sub(r"(^|\s)#.*", "", line) for line in text.splitlines()]
    return [re.sub(r"\s+", " ", line).strip() for line in found if line.strip()]


def pins(lock: str) -> dict[str, str]:
    """The version of each package of a lock."""
    found = [PIN.match(line) for line in lines(f"{lock}.txt")]
    return {canonicalize_name(each[1]): each[2] for each in found if each}


def asked_for(lock: str) -> list[Requirement]:
    """What a lock is made of, by the files that it is compiled from."""
    found: list[Requirement] = []
    for line in lines(f"{lock}.in"):
        if line.startswith("-r "):
            found += asked_for(line.removeprefix("-r ").removesuffix(".in"))
        else:
            found.append(Requirement(line))
    return found


@pytest.mark.parametrize("lock", [*LOCKS, APART])
def test_every_entry_is_pinned_with_its_hashes(lock: str) -> None:
    """A wheel that was exchanged at the registry, or on the way, is refused."""
    assert [line for line in lines(f"{lock}.txt") if not PIN.match(line)] == []


@pytest.mark.parametrize("lock", [*LOCKS, APART])
def test_a_lock_has_what_its_source_asks_for(lock: str) -> None:
    """After a change of the source the lock is compiled again (CONTRIBUTING.md)."""
    found = pins(lock)
    for requirement in asked_for(lock):
        assert found[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("lock", [*LOCKS, APART])
def test_a_lock_has_what_its_packages_need(lock: str) -> None:
    """Nothing floats: what a package needs in turn is pinned as well."""
    found = pins(lock)
    wanted = asked_for(lock)
    seen: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        assert name in found, f"{name} is not in {lock}.txt"
        key = f"{name}{sorted(requirement.extras)}"
        if key not in seen:
            seen.add(key)
            wanted += needs(requirement)


def needs(requirement: Requirement) -> list[Requirement]:
    """What an installed package needs here, with the extras that are asked for."""
    try:
        named = [Requirement(each) for each in requires(requirement.name) or ()]
    except PackageNotFoundError:
        return []
    extras = [{"extra": extra} for extra in (*requirement.extras, "")]
    return list(
        chain.from_iterable(
            [each] for each in named if each.marker is None or any(each.marker.evaluate(e) for e in extras)
        )
    )


def test_tests_run_on_what_ships() -> None:
    """All locks agree, and the environment has the versions of the one that ships."""
    shipped = pins("requirements")
    for lock in LOCKS[1:]:
        assert {name: pins(lock)[name] for name in shipped} == shipped
    assert {name: version(name) for name in shipped} == shipped


def test_deploying_a_package_needs_what_its_lock_has() -> None:
    """A pipeline that may reach AWS installs nothing else."""
    code = "import sys, tasks.commands, tasks.cloud.deploy\n"
    code += "print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    known = packages_distributions()
    loaded = {canonicalize_name(each) for name in done.stdout.split() for each in known.get(name, [])}
    assert {"botocore", "invoke"} <= loaded - OPTIONAL <= pins("requirements-deploy").keys()
