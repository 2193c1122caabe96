"""The development server: app.py on Chalice's local gateway, made to behave as API Gateway does."""

import os
import socket
from functools import partial
from pathlib import Path

from chalice import local
from chalice.cli.factory import CLIFactory

from tasks.connection import Connection
from tasks.gateway import Gateway
from tasks.schedule import clean_up_regularly
from tasks.worker import Server

# not a stage of config.json: their environment is only for Lambda
STAGE = "local"


def make_server(project: Path, listener: socket.socket) -> Server:
    """Load app.py, and serve it on a socket that listens already."""
    config = CLIFactory(str(project), environ=os.environ).create_config_obj(chalice_stage_name=STAGE)
    app = config.chalice_app
    # current_request becomes thread-local, as `chalice local` makes it
    local.CustomLocalChalice.__bases__ = (local.LocalChalice, app.__class__)
    app.__class__ = local.CustomLocalChalice
    return Server(listener, partial(Connection, gateway=partial(Gateway, app, config)))


def make_worker(project: Path, listener: socket.socket) -> Server:
    """Make the server of a worker process, and start what runs beside it."""
    server = make_server(project, listener)
    clean_up_regularly()
    return server
