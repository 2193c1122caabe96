"""Schemathesis against the running server, in every role: what the OpenAPI document says has to hold."""

import os
import subprocess

from tasks.errors import TaskError
from tasks.processes import LOOPBACK, module, project_folder
from tasks.run import port_from
from tasks.seed import USERS

ACCOUNT = "FUZZ_ACCOUNT"  # name:password of whoever signs in; empty for no account
NIGHTLY = 700  # cases per operation and role, which make more than 50,000 altogether
ROLES = {"anonymous": "", "user": "user", "admin": "root"}


def fuzz(examples: int, role: str = "") -> int:
    """Try every operation in every role, also after one has failed.

    :param examples: cases per operation and role that are made up, beyond the systematic ones.
    :param role: the only one to try.
    :raises TaskError: there is no such role.
    """
    if role and role not in ROLES:
        raise TaskError(f"--role is one of {', '.join(ROLES)}.")
    return max([_run(each, examples) for each in ([role] if role else ROLES)])


def _run(role: str, examples: int) -> int:
    name = ROLES[role]
    account = f"{name}:{USERS[name]['password']}" if name else ""
    url = f"http://{LOOPBACK}:{port_from('PORT', 8000)}/api/v1/openapi.json"
    command = module("schemathesis.cli", "run", url, "--max-examples", str(examples))
    print(f"As {role}:", flush=True)
    environment = {**os.environ, ACCOUNT: account}
    return subprocess.run(command, env=environment, cwd=project_folder(), check=False).returncode
