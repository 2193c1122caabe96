"""What is known of the request that runs: the fields of its log line, some of which are metrics, too."""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field

Value = str | int | float


@dataclass
class Measurement:
    """One request, or one run of a job.

    :param fields: what its log line will say; the same names everywhere (docs/operations.md).
    :param started: seconds of the clock that `finish` reads again.
    """

    fields: dict[str, Value] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    def note(self, **fields: Value | None) -> None:
        """Set fields; what is not known is left out."""
        self.fields |= {name: value for name, value in fields.items() if value is not None}

    def count(self, name: str, amount: float = 1) -> None:
        """Add to a field that counts."""
        before = self.fields.get(name, 0)
        self.fields[name] = amount if isinstance(before, str) else before + amount

    def finish(self) -> None:
        """Note how long it took."""
        self.fields["latency_ms"] = round((time.perf_counter() - self.started) * 1000, 1)


# Each thread has a context of its own: the local server answers many requests at once.
_running: ContextVar[Measurement | None] = ContextVar("running", default=None)
_is_cold = [True]


def begin(**fields: Value | None) -> Measurement:
    """Begin to measure; the first time in a process is a cold start."""
    cold_start = int(_is_cold[0])
    _is_cold[0] = False
    measurement = Measurement({"cold_start": cold_start, "round_trips": 0, "read_units": 0, "write_units": 0})
    measurement.note(**fields)
    _running.set(measurement)
    return measurement


def running() -> Measurement | None:
    """Return what is measured in this thread, or was last."""
    return _running.get()


def note(**fields: Value | None) -> None:
    """Set fields of the request that runs. Never a secret, a name, an address, nor any text of a caller."""
    if measurement := _running.get():
        measurement.note(**fields)


def count(name: str, amount: float = 1) -> None:
    """Add to a field of the request that runs."""
    if measurement := _running.get():
        measurement.count(name, amount)
