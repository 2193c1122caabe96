"""What ships: Chalice's deployment package without what Lambda never reads, and with bytecode.

/var/task is read-only: without bytecode each cold start compiles every module again, which is half of it.
"""

import json
import os
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

TASK_ROOT = "/var/task"  # where Lambda unpacks it; tracebacks name it
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name
# The services whose clients may be created; nearly all of botocore is data of other services.
SERVICES = frozenset({"dynamodb", "email", "kms", "secretsmanager", "sesv2", "ssm", "sts"})
SERVICE = re.compile(r"botocore/data/([^/]+)/")
ENDPOINTS = "botocore/data/endpoints.json"
UNREAD = re.compile(
    r"(^|/)__pycache__/"  # made on another machine, maybe by another Python; ours are added
    r"|\.(pyi|pth|rst)$|(^|/)py\.typed$|-stubs/"
    r"|\.dist-info/(?!METADATA$)|\.data/"
    r"|^[^/]+/tests?/"
    r"|^bin/"
    r"|^botocore/data/.*/examples-1\.json$"
    # cffi compiles C: what is compiled needs only _cffi_backend
    r"|^(cffi|pycparser)[/-]"
)


def is_read(name: str) -> bool:
    """Whether a file of the package may be read on Lambda."""
    service = SERVICE.match(name)
    return not (UNREAD.search(name) or (service and service[1] not in SERVICES))


def rebuild(source: Path, target: Path, folder: Path, python: str) -> None:
    """Rewrite Chalice's deployment package; the same input gives the same bytes.

    :param folder: an empty folder to unpack into; what is in it afterwards is what Lambda will see.
    :param python: path of a Python of the functions' version, which compiles.
    """
    unpack(source, folder)
    slim_endpoints(folder / ENDPOINTS)
    compile_all(folder, python)
    pack(folder, target)


def unpack(source: Path, folder: Path) -> None:
    """Unpack what Lambda reads."""
    with zipfile.ZipFile(source) as package:
        package.extractall(folder, [name for name in package.namelist() if is_read(name)])


def slim_endpoints(path: Path) -> None:
    """Leave out other services' endpoints: a client parses all of the file, for 30 ms of a cold start."""
    document = json.loads(path.read_text("utf-8"))
    for partition in document["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in SERVICES}
    path.write_text(json.dumps(document, separators=(",", ":")), "utf-8")


def compile_all(folder: Path, python: str) -> None:
    """Compile each module for a version of Python.

    Unchecked: nobody edits /var/task, so sources are neither compared nor read; they stay for tracebacks.

    :raises subprocess.CalledProcessError: a module does not compile.
    """
    # In a process of its own with a fixed seed: the order of sets goes into the bytecode.
    options = ["-q", "-j", "1", "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", TASK_ROOT]
    subprocess.run(
        [python, "-s", "-S", "-m", "compileall", *options, str(folder)],
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": ""},
        check=True,
    )


def pack(folder: Path, target: Path) -> None:
    """Zip a folder with nothing of this machine in it: no times, no modes, no order of a file system."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for path in files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix: the mode counts
            entry.external_attr = (0o100755 if path.suffix == ".so" else 0o100644) << 16
            package.writestr(entry, path.read_bytes())


def files(folder: Path) -> Iterator[Path]:
    """List the files of a folder by name."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
