"""The development server: Chalice's own local server, wrapped so that it behaves as API Gateway does.

`python -m tasks.server PORT` serves app.py on 127.0.0.1 and starts anew when a source changes.
"""

import os
import socketserver
import sys
from functools import partial

from chalice import local
from chalice.cli import reloader
from chalice.cli.factory import CLIFactory

from tasks.gateway import GatewayHandler
from tasks.lifeline import end_with_parent
from tasks.processes import LOOPBACK, module, project_folder
from tasks.schedule import clean_up_regularly
from tasks.watcher import SourceWatcher

# not a stage of config.json: their environment is for Lambda alone
STAGE = "local"


class Server(local.ThreadedHTTPServer):
    """Chalice's threading server, ready for bursts of clients."""

    request_queue_size = 512

    def handle_error(self, request: object, client_address: object) -> None:
        """Report what went wrong, except that a client went away."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            socketserver.BaseServer.handle_error(self, request, client_address)  # type: ignore[arg-type]


class DevServer(local.LocalDevServer):
    """Chalice's local server without its greeting: `make run` has its own."""

    def serve_forever(self) -> None:
        """Serve until shut down."""
        self.server.serve_forever()


def make_server(project: str, port: int) -> local.LocalDevServer:
    """Load app.py and bind the port."""
    config = CLIFactory(project, environ=os.environ).create_config_obj(chalice_stage_name=STAGE)
    app = config.chalice_app
    # current_request becomes thread-local, as `chalice local` makes it
    local.CustomLocalChalice.__bases__ = (local.LocalChalice, app.__class__)
    app.__class__ = local.CustomLocalChalice
    return DevServer(app, config, LOOPBACK, port, handler_cls=GatewayHandler, server_cls=Server)


def make_worker(project: str, port: int) -> local.LocalDevServer:
    """Make the server of a worker process, and start what runs beside it."""
    server = make_server(project, port)
    clean_up_regularly()
    return server


def main(port: int) -> int:
    """Serve, in a worker process that is replaced after every change."""
    end_with_parent()
    # Chalice starts the worker by sys.argv
    sys.argv = module("tasks.server", str(port))
    project = str(project_folder())
    factory = partial(make_worker, project, port)
    code: int = reloader.run_with_reloader(factory, os.environ, project, SourceWatcher)
    return code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
