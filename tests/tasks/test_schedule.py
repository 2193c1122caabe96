"""The local counterpart of a schedule continues after errors."""

import pytest

from tasks.server import repeat


class Job:
    """Fails in some of its rounds, and ends after the last."""

    def __init__(self, *failing: bool) -> None:
        self.failing = failing
        self.done = 0

    def run(self) -> None:
        """Do the next round."""
        self.done += 1
        if self.failing[self.done - 1]:
            raise ConnectionError(f"round {self.done}")

    def ended(self) -> bool:
        """Whether that was the last round."""
        return self.done == len(self.failing)


@pytest.mark.parametrize(
    ("rounds", "reported"),
    [
        ((False, False), []),
        ((True, True, True), [1]),
        ((False, True, True, False), [2]),
        ((True, False, True, True), [1, 3]),
    ],
)
def test_errors_end_nothing_and_are_reported_once(
    rounds: tuple[bool, ...], reported: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Of errors in a row the first is reported, and the job is done again all the same."""
    job = Job(*rounds)
    repeat(job.run, job.ended, "test")
    assert job.done == len(rounds)
    lines = capsys.readouterr().err.splitlines()
    assert [f"round {number}" in line for number, line in zip(reported, lines, strict=True)] == [True] * len(
        reported
    )
