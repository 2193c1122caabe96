"""The server of `make run`, in threads of this process."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from chalice.app import Chalice

import app as application
from tasks.processes import LOOPBACK, project_folder
from tasks.server import make_server


@contextmanager
def serving() -> Iterator[str]:
    """Serve the application on a free loopback port and yield the URL."""
    with socket.create_server((LOOPBACK, 0), backlog=512) as listener:
        server = make_server(project_folder(), listener)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
            # other tests call the application without threads
            application.app.__class__ = Chalice
