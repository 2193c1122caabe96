"""`invoke db.check`: one pass over a table, finding inconsistencies and repairing them.

A pass reads each item, and the items that it must agree with, page by page; whatever seems wrong is read
again, in one request, before it is reported. In memory are one page, the names that may have to be freed, two
numbers for each counter, four for each team, and two for each item that others refer to.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib.db.table import Item
from chalicelib.db.transaction import StaleError
from chalicelib.db.unique import UniqueName
from tasks.data import table
from tasks.data.counts import Counts
from tasks.data.findings import Finding
from tasks.data.items import parsed, read
from tasks.data.rules import judge, needs_of

PASSES = 4  # one repair may reveal the next
LOOKS = 3  # at an item that changes during the check


@dataclass
class Result:
    """The result of one pass.

    :param damage: findings that are no leftovers.
    :param mended: findings of all sorts that are mended.
    """

    items: int = 0
    damage: int = 0
    leftovers: int = 0
    mended: int = 0


def check(*, fix: bool = False, say: Callable[[str], object] = print) -> bool:
    """Look for inconsistencies, and print each finding in one line.

    :param fix: repair each finding, provided that nothing has changed since, and look again afterwards.
    :returns: whether nothing is wrong, leftovers aside.
    """
    for _ in range(PASSES if fix else 1):
        result = _pass(fix=fix, say=say)
        say(_summary(result))
        if not result.mended:
            break
    return not result.damage


def _pass(*, fix: bool, say: Callable[[str], object]) -> Result:
    result = Result()
    for finding in findings(result):
        result.damage += not finding.is_leftover
        result.leftovers += finding.is_leftover
        result.mended += _settle(finding, fix=fix, say=say)
    return result


def _settle(finding: Finding, *, fix: bool, say: Callable[[str], object]) -> bool:
    if finding.mend is None:
        say(f"{finding}. Not for --fix: {finding.remedy}.")
        return False
    if not fix:
        say(f"{finding}. --fix {finding.remedy}.")
        return False
    try:
        finding.mend()
    except StaleError:
        say(f"{finding}. It changed in the meantime: looking again.")
    else:
        say(f"{finding}. Fixed: {finding.remedy}.")
    return True  # something happened, so another look is due


def _summary(result: Result) -> str:
    left = f", and {result.leftovers} left over from deletions" if result.leftovers else ""
    return f"{result.items} items: {result.damage or 'no'} finding{'s' * (result.damage != 1)}{left}."


def findings(result: Result) -> Iterator[Finding]:
    """Yield everything that is wrong with the table, and count its items on the way."""
    counts, names = Counts(), list[Item]()
    for page in table.pages():
        items, unreadable = parsed(page["Items"])
        for key, text in unreadable.items():
            counts.is_partial = True
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
        item: Item | None = suspect
        for _ in range(LOOKS):
            if item is None:
                break
            needs = needs_of(item)
            found = read([item.key, *needs])
            item = found.get(item.key)
            if item and set(needs_of(item)) <= set(needs):
                yield from judge(item, found)
                break
