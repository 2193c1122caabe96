"""`invoke db.migrate`: brings items of older schemas up to what the code writes today.

Each item is written once, with its index entries and its new schema in it: a run that was stopped anywhere is
repeated, and goes on with what is left.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.db.table import Item
from chalicelib.db.transaction import StaleError, Transaction, changed
from tasks.data import table
from tasks.data.items import UnreadableError, key_of, known_kinds, parse, schema_of
from tasks.data.table import RawItem
from tasks.errors import TaskError

LOOKS = 10  # at an item that changes while it is migrated


@dataclass(frozen=True)
class Migration:
    """One step: items of a kind, from the schema before to this one.

    :param to: the schema that items have afterwards.
    :param does: what it does, in a few words.
    :param change: returns the attributes to set, by an item of the schema before: always the same for the
        same item. It may read other items, and writes nothing.
    """

    kind: type[Item]
    to: int
    does: str
    change: Callable[[Any], Mapping[str, Any]]


Steps = Mapping[tuple[type[Item], int], Migration]


@dataclass
class Run:
    """One run over the table.

    :param pause: seconds before each write.
    :ivar done: how many items each step was for.
    :ivar failed: why items could not be migrated, by their keys.
    """

    steps: Steps
    pause: float
    sleep: Callable[[float], object]
    dry_run: bool = False
    done: Counter[Migration] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)

    def take(self, raw: RawItem) -> None:
        """Migrate one item, through all the steps that it lacks."""
        for _ in range(LOOKS):
            try:
                item = parse(raw)
            except UnreadableError as error:
                self.failed.append(f"{' '.join(key_of(raw))}: {error}")
                return
            steps = [self.steps[type(item), to] for to in range(schema_of(raw) + 1, item.SCHEMA + 1)]
            if self.dry_run or not steps or self._write(item, steps):
                self.done.update(steps)
                return
            latest = table.get([item.key])
            if not latest:
                return  # deleted in the meantime
            raw = latest[0]
        self.failed.append(f"{' '.join(key_of(raw))}: is constantly written to")

    def _write(self, item: Item, steps: Iterable[Migration]) -> bool:
        values = dict[str, Any]()
        for step in steps:
            values |= step.change(changed(item, values))
        work = Transaction()
        # on condition that its version is the one that was read; nobody has changed it, so its time stays
        work.change(item, {**values, "schema": item.SCHEMA, "updated": item.updated})
        self.sleep(self.pause)
        try:
            work.commit()
        except StaleError:
            return False
        return True


def migrate(
    migrations: Iterable[Migration],
    *,
    rate: int,
    dry_run: bool = False,
    say: Callable[[str], object] = print,
    sleep: Callable[[float], object] = time.sleep,
) -> bool:
    """Migrate all items of older schemas, and print how many each step changed.

    :param rate: items per second, at most.
    :param dry_run: write nothing, and print how many there are.
    :returns: whether all went well.
    :raises TaskError: a step is missing; nothing was written.
    """
    steps = {(step.kind, step.to): step for step in migrations}
    grown = {name: kind for name, kind in known_kinds().items() if kind.SCHEMA > 1}
    _require_steps(grown, steps)
    run = Run(steps, 1 / rate, sleep, dry_run)
    for raw in table.items_of(grown):
        run.take(raw)
    names = {kind: name for name, kind in grown.items()}
    for step in steps.values():
        items = f"{run.done[step]} items {'to migrate' if dry_run else 'migrated'}"
        say(f"{names[step.kind]}, schema {step.to - 1} to {step.to}, {step.does}: {items}.")
    for failure in run.failed:
        say(f"Not migrated: {failure}.")
    return not run.failed


def _require_steps(grown: Mapping[str, type[Item]], steps: Steps) -> None:
    for name, kind in grown.items():
        missing = [to for to in range(2, kind.SCHEMA + 1) if (kind, to) not in steps]
        if missing:
            raise TaskError(f"tasks/migrations.py has no step for {name} to schema {missing[0]}.")
