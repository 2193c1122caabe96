"""`invoke db.check`: one pass over a table, finding inconsistencies and repairing them.

A pass reads each item, and the items that it must agree with, page by page; whatever seems wrong is read
again before it is reported. In memory are one page, the names that may have to be freed, and the numbers that
are compared (see `Counts`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib.db.table import Item
from chalicelib.db.transaction import StaleError, Transaction
from chalicelib.db.unique import UniqueName
from tasks.data import table
from tasks.data.counts import Counts
from tasks.data.findings import Finding
from tasks.data.items import parsed, read
from tasks.data.rules import judge, needs_of

PASSES = 4  # one repair may reveal the next


@dataclass
class Result:
    """The result of one pass: numbers of items and findings.

    :param damage: findings that are no leftovers.
    :param mended: findings of either sort after which another look is due.
    """

    items: int = 0
    damage: int = 0
    leftovers: int = 0
    mended: int = 0

    def __str__(self) -> str:
        """Return the result as one line."""
        left = f", and {self.leftovers} left over from deletions" if self.leftovers else ""
        return f"{self.items} items: {self.damage or 'no'} finding{'s' * (self.damage != 1)}{left}."


def check(*, fix: bool = False, say: Callable[[str], object] = print) -> bool:
    """Look for inconsistencies, and print each finding in one line.

    :param fix: repair each finding, provided that nothing has changed since, and look again afterwards.
    :returns: whether nothing is wrong, leftovers aside.
    """
    for _ in range(PASSES if fix else 1):
        result = Result()
        for finding in findings(result):
            result.damage += not finding.is_leftover
            result.leftovers += finding.is_leftover
            result.mended += _settle(finding, fix=fix, say=say)
        say(str(result))
        if not result.mended:
            break
    return not result.damage


def _settle(finding: Finding, *, fix: bool, say: Callable[[str], object]) -> bool:
    """Report a finding, repair it if it can be, and return whether another look is due."""
    if not (fix and finding.mend):
        prefix = "--fix" if finding.mend else "Not for --fix:"
        say(f"{finding}. {prefix} {finding.remedy}.")
        return False
    work = Transaction()
    try:
        finding.mend(work)
        if work:
            work.commit()
    except StaleError:
        say(f"{finding}. It changed in the meantime: looking again.")
    else:
        say(f"{finding}. Fixed: {finding.remedy}.")
    return True


def findings(result: Result) -> Iterator[Finding]:
    """Yield everything that is wrong with the table, and count its items on the way."""
    counts, names = Counts(), list[Item]()
    for page in table.pages():
        items, unreadable = parsed(page["Items"])
        for key, text in unreadable.items():
            yield Finding(key, text, "deploy the code that wrote it, or restore it from a backup")
        for item in items:
            counts.take(item)
        suspects = _suspects(items)
        # Names are freed last: before that, users who have lost theirs get them back.
        names += [item for item in suspects if isinstance(item, UniqueName)]
        yield from _confirmed(item for item in suspects if not isinstance(item, UniqueName))
        result.items += page["Count"]
    yield from _confirmed(names)
    yield from counts.findings()


def _suspects(items: Sequence[Item]) -> list[Item]:
    """Choose the items with which something seems wrong, by one more look for all of them."""
    known = {item.key: item for item in items}
    known |= read(key for item in items for key in needs_of(item) if key not in known)
    return [item for item in items if any(judge(item, known))]


def _confirmed(suspects: Iterable[Item]) -> Iterator[Finding]:
    """Look at each item again, together with all that it has to fit to."""
    for suspect in suspects:
        needs = needs_of(suspect)
        found = read([suspect.key, *needs])
        item = found.get(suspect.key)
        if item and set(needs_of(item)) <= set(needs):  # or it has just changed: the next check looks at it
            yield from judge(item, found)
