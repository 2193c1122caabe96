"""The development server: app.py on Chalice's local gateway, made to behave as API Gateway does."""

import os
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from chalice import local
from chalice.cli.factory import CLIFactory

from chalicelib.jobs import clean_up
from tasks import mailbox
from tasks.connection import Connection
from tasks.gateway import Gateway
from tasks.worker import Server

# not a stage of config.json: their environment is only for Lambda
STAGE = "local"
INTERVAL_SECONDS = 2.0  # between two runs of what is scheduled when deployed (app.schedule in app.py)
# by what fails where one does
JOBS: dict[str, Callable[[], object]] = {
    "clean-up": clean_up,
    "delivery of letters": mailbox.send_letters,
}


def make_server(project: Path, listener: socket.socket) -> Server:
    """Load app.py, and serve it on a socket that listens already."""
    config = CLIFactory(str(project), environ=os.environ).create_config_obj(chalice_stage_name=STAGE)
    app = config.chalice_app
    # current_request becomes thread-local, as `chalice local` makes it
    local.CustomLocalChalice.__bases__ = (local.LocalChalice, app.__class__)
    app.__class__ = local.CustomLocalChalice
    return Server(listener, partial(Connection, make_gateway=partial(Gateway, app, config)))


def make_worker(project: Path, listener: socket.socket) -> Server:
    """Make the server of a worker process, and start what runs beside it."""
    server = make_server(project, listener)
    pause = threading.Event()  # never set
    for name, job in JOBS.items():
        arguments = (job, lambda: pause.wait(INTERVAL_SECONDS), name)
        threading.Thread(target=repeat, args=arguments, daemon=True).start()
    return server


def repeat(job: Callable[[], object], ended: Callable[[], bool], name: str) -> None:
    """Repeat a job until `ended` returns true; of consecutive errors, only the first is reported."""
    failing = False
    while True:
        try:
            job()
            failing = False
        except Exception as error:  # noqa: BLE001 - the next time it may go well
            if not failing:
                print(f"The {name} failed, and is tried again: {error!r}", file=sys.stderr)
            failing = True
        if ended():
            return
