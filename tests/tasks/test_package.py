"""`invoke package`: the real package, as Chalice makes it from this project and the package registry."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from chalice.cli.factory import CLIFactory
from chalice.deploy.validate import validate_configuration

from benchmarks.starts import Variant, event, unpacked
from chalicelib.security.keys import new_secrets
from tasks.cloud import bundle, packaging
from tasks.cloud.package import Package, Runtime
from tasks.cloud.packaging import build, copy_project, run_chalice
from tasks.cloud.template import FUNCTION
from tasks.errors import TaskError
from tasks.processes import project_folder
from tests.packages import packaged
from tests.tasks.test_dependencies import ELF, MACHINE

pytestmark = pytest.mark.slow
# With a key behind it: libraries that read keys know the header, too.
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----(\s|\\n)*[A-Za-z0-9+/]{40}")
DEVELOPMENT = (
    "pip",
    "setuptools",
    "boto3",
    "moto",
    "pytest",
    "invoke",
    "tests",
    "tasks",
    "inquirer",
    "click",
)


@pytest.fixture(scope="module")
def package() -> Package:
    """The package of the stage dev."""
    return packaged("dev")


@pytest.fixture(scope="module")
def names(package: Package) -> list[str]:
    """The files that ship."""
    return zipfile.ZipFile(package.code).namelist()


@pytest.fixture(scope="module")
def task(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda unpacks, where it can be run."""
    if not Runtime.here():
        pytest.skip("packages are for Linux with glibc")
    return unpacked(package.code, tmp_path_factory.mktemp("task"))


def test_it_is_small(package: Package) -> None:
    """At most 12 MB zipped, and smaller than Chalice's package."""
    assert package.code.stat().st_size <= min(12 * 10**6, package.plain.stat().st_size * 0.6)


def test_every_module_has_bytecode(names: list[str]) -> None:
    """Nothing is compiled at a cold start."""
    modules = [name for name in names if name.endswith(".py")]
    assert "app.py" in modules
    assert [name for name in modules if importlib.util.cache_from_source(name) not in names] == []


def test_nothing_for_development_ships(names: list[str]) -> None:
    """Only what runs on Lambda is there."""
    assert {name.split("/")[0] for name in names} & set(DEVELOPMENT) == set()


def test_everything_of_ours_ships(names: list[str]) -> None:
    """A data file left out would be missed only when deployed."""
    tracked = subprocess.run(
        ["git", "ls-files", "app.py", "chalicelib"],  # noqa: S607 - found on PATH
        cwd=project_folder(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [name for name in tracked.stdout.split() if name not in names] == []


def test_no_secret_ships(package: Package) -> None:
    """Behaviour 56: no private key, and nothing of this folder's own secrets, in package or template."""
    texts = {name: each for path in (package.code, package.plain) for name, each in contents(path)}
    texts["template"] = package.template.read_bytes()
    found = [
        name for name, text in texts.items() if PRIVATE_KEY.search(text) or "secrets.json" in name.split("/")
    ]
    assert found == []
    own = secrets_in(project_folder() / ".local" / "secrets.json")
    assert [name for name, text in texts.items() if any(secret in text for secret in own)] == []


def test_private_keys_are_found() -> None:
    """The test above sees what it looks for, as it stands and inside JSON."""
    pem = new_secrets()["signing_keys"][0]["pem"]
    assert PRIVATE_KEY.search(pem.encode())
    assert PRIVATE_KEY.search(json.dumps(pem).encode())


def test_secrets_beside_the_code_stay_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behaviour 56: only listed files ship, whatever else a developer's folder holds."""
    project, copied = tmp_path / "project", tmp_path / "copied"
    copy_project(project)
    (project / ".local").mkdir()
    for name in (".local/secrets.json", ".env", "secrets.json", "key.pem"):
        (project / name).write_text("canary")
    monkeypatch.setattr(packaging, "project_folder", lambda: project)
    copy_project(copied)
    left = [path.name for path in copied.rglob("*") if path.is_file() and b"canary" in path.read_bytes()]
    assert ((copied / "app.py").exists(), left) == (True, [])


def contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Each file of a package."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def secrets_in(path: Path) -> list[bytes]:
    """What is secret in a document of secrets; nothing where there is none."""
    if not path.exists():
        return []
    document = json.loads(path.read_text("utf-8"))
    pems = [entry["pem"].splitlines()[1] for entry in document["signing_keys"] if "pem" in entry]
    return [text.encode() for text in (*pems, document["mac_secret"])]


def test_the_same_input_gives_the_same_package(package: Package, tmp_path: Path) -> None:
    """Reproducible; the digest tells whether a deployment changes the code."""
    bundle.rebuild(package.plain, tmp_path / "again.zip", tmp_path / "task", sys.executable)
    assert (tmp_path / "again.zip").read_bytes() == package.code.read_bytes()


def test_it_answers_without_what_development_installs(task: Path, tmp_path: Path) -> None:
    """The package is whole: started without site-packages it serves a request."""
    environment = {**os.environ, "STAGE": "local", "SECRETS": f"file:{tmp_path}/secrets.json"}
    answer = Variant("package", task, "app.app", event("GET", "/health", {}), environment).run()
    assert answer["statusCode"] == 200


def test_the_openapi_document_can_be_made(task: Path, tmp_path: Path) -> None:
    """Modules that are imported late ship, too."""
    environment = {**os.environ, "STAGE": "local", "SECRETS": f"file:{tmp_path}/secrets.json"}
    asked = event("GET", "/api/v1/openapi.yaml", {})
    assert Variant("package", task, "app.app", asked, environment).run()["statusCode"] == 200


def test_plain_chalice_accepts_the_configuration(tmp_path: Path) -> None:
    """`chalice deploy --stage dev` needs nothing but what is in the repository."""
    copy_project(tmp_path / "project")
    config = CLIFactory(str(tmp_path / "project")).create_config_obj("dev", autogen_policy=None)
    validate_configuration(config)
    assert config.chalice_app.app_name == "grail"


def test_plain_chalice_packages_it_with_the_policies(tmp_path: Path) -> None:
    """An unmodified `chalice package --stage dev` has a role of its own for each function."""
    copy_project(tmp_path / "project")
    run_chalice("dev", tmp_path / "project", tmp_path / "made")
    resources = json.loads((tmp_path / "made" / "sam.json").read_text())["Resources"]
    for role, name in (("ApiHandlerRole", "policy-dev.json"), ("CleanUpRole", "policy-dev-clean_up.json")):
        (policy,) = resources[role]["Properties"]["Policies"]
        assert policy["PolicyDocument"] == json.loads((project_folder() / ".chalice" / name).read_text())


def test_lambda_finds_its_handlers(package: Package, task: Path, tmp_path: Path) -> None:
    """Lambda looks a handler up by its name in app.py; one that is only registered there is not found."""
    resources = json.loads(package.template.read_text())["Resources"].values()
    handlers = [each["Properties"]["Handler"] for each in resources if each["Type"] == FUNCTION]
    environment = {**os.environ, "STAGE": "local", "SECRETS": f"file:{tmp_path}/secrets.json"}
    code = f"import sys; sys.path.insert(0, {str(task)!r}); import app"
    asserts = "".join(f"; assert callable({handler})" for handler in handlers)
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-s", "-S", "-c", code + asserts], env=environment, capture_output=True, check=False
    )
    assert ({"app.app", "app.run_clean_up"} <= set(handlers), done.stderr) == (True, b"")


def has(version: str) -> bool:
    """Whether this machine has a version of Python."""
    try:
        return bool(Runtime(version, "x86_64").interpreter())
    except TaskError:
        return False


PRESENT = f"{sys.version_info[0]}.{sys.version_info[1]}"
# Bytecode is written by the functions' version; .ci/run need not have every one.
WRITTEN = [version for version in ("3.13", "3.14") if has(version)] or [PRESENT]


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
@pytest.mark.parametrize("python", WRITTEN)
def test_a_package_depends_on_the_runtime_and_not_on_who_makes_it(
    python: str, architecture: str, tmp_path: Path
) -> None:
    """Two builds by two versions of Python: the same bytes, and every native module for the runtime."""
    runtime = Runtime(python, architecture)
    versions = [version for version in ("3.13", "3.12", "3.11", "3.14") if has(version)]
    # a machine that has one version alone packages twice by that
    other = next((each for each in versions if each not in (python, PRESENT)), versions[0])
    here = build("dev", tmp_path / "here", runtime)
    elsewhere = build_with(other, tmp_path / "elsewhere", runtime)
    assert here.digest == elsewhere.digest
    assert here.code.stat().st_size <= 12 * 10**6
    native = {name: text[MACHINE] for name, text in contents(here.code) if ".so" in name}
    assert set(native.values()) == {ELF[architecture]}
    abi = f"cpython-{python.replace('.', '')}-"
    assert [name for name in native if not ("abi3" in name or abi in name)] == []


def build_with(version: str, output: Path, runtime: Runtime) -> Package:
    """Package with another version of Python, in an environment with the same libraries."""
    home = output.with_name(f"python{version}")
    python = home / "bin" / "python"
    subprocess.run([Runtime(version, "x86_64").interpreter(), "-m", "venv", home], check=True)  # noqa: S603 - found
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pinned = (project_folder() / "requirements-dev.in").read_text()
    (chalice,) = re.findall(r"^chalice==.*$", pinned, re.MULTILINE)
    lock = project_folder() / "requirements-deploy.in"
    subprocess.run([*pip, "-r", str(lock), chalice], check=True)  # noqa: S603 - as above
    code = "import sys; from pathlib import Path; from tasks.cloud.package import Runtime; "
    code += "from tasks.cloud.packaging import build; build('dev', Path(sys.argv[1]), Runtime(*sys.argv[2:]))"
    subprocess.run(  # noqa: S603 - as above
        [python, "-c", code, output, runtime.python, runtime.architecture], cwd=project_folder(), check=True
    )
    return Package(output)
