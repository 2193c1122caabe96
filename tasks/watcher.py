"""Tells the development server when a source has changed."""

from collections.abc import Callable
from pathlib import Path

from chalice.cli.filewatch import WorkerProcess
from watchdog import events
from watchdog.observers import Observer

SUFFIXES = (".py", ".json", ".yaml", ".html")
CHANGES = (events.FileModifiedEvent, events.FileCreatedEvent, events.FileDeletedEvent, events.FileMovedEvent)


class SourceWatcher(WorkerProcess):
    """Watches app.py and chalicelib/ alone: the whole folder holds .venv and the engine's data."""

    def _start_file_watcher(self, project_dir: str) -> None:
        project = Path(project_dir)
        handler = _OnChange(self._restart_event.set)
        observer = Observer()
        observer.schedule(handler, str(project), recursive=False)
        observer.schedule(handler, str(project / "chalicelib"), recursive=True)
        observer.schedule(handler, str(project / ".chalice"), recursive=False)
        observer.start()


class _OnChange(events.FileSystemEventHandler):
    def __init__(self, restart: Callable[[], None]) -> None:
        self._restart = restart

    def on_any_event(self, event: events.FileSystemEvent) -> None:
        """Restart on a change; opening and closing are events too, and importing a module does both."""
        if isinstance(event, CHANGES) and self._is_source(event):
            self._restart()

    @staticmethod
    def _is_source(event: events.FileSystemEvent) -> bool:
        return any(str(path).endswith(SUFFIXES) for path in (event.src_path, event.dest_path))
