"""Counters, and counts of members and of references, compared with the items that they count."""

from collections import Counter as Tally
from collections.abc import Iterator
from functools import partial

from chalicelib.db import counters, keys
from chalicelib.db.counters import Counter
from chalicelib.db.keys import Key
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction
from chalicelib.teams.models import Member, Team
from tasks.data import table
from tasks.data.findings import Finding, change, remove, unchanged
from tasks.data.items import Found, parsed, read
from tasks.data.references import kept_by


class Counts:
    """What a Scan counts, and what counters, teams, and items that others refer to say.

    :ivar is_partial: there were items that the code can't read, so whatever counts them seems too high.
    """

    def __init__(self) -> None:
        self.there: Tally[str] = Tally()
        self.stated: Tally[Key] = Tally()
        self.in_use: dict[str, list[Key]] = {}
        self.referred: Tally[Key] = Tally()
        self.referrers: Tally[Key] = Tally()
        self.members: Tally[str] = Tally()
        self.leaders: Tally[str] = Tally()
        self.teams: dict[Key, tuple[int, int]] = {}
        self.is_partial = False

    def take(self, item: Item) -> None:
        """Count an item in all that counts it."""
        self.there.update(item.counted())
        self.referred.update(kept_by(item))
        if item.referrers:
            self.referrers[item.key] = int(item.referrers)
        if isinstance(item, Counter):
            self.stated[item.key] = int(item.amount)
            if item.in_use:
                name = keys.counted(item.key)
                self.in_use[name] = counters.in_use(name, {item.key: item})
        elif isinstance(item, Team):
            self.teams[item.key] = int(item.member_count), int(item.leader_count)
        elif isinstance(item, Member):
            self.members[item.pk] += 1
            self.leaders[item.pk] += bool(item.is_leader)

    def findings(self) -> Iterator[Finding]:
        """Recheck every difference, and yield what is really wrong."""
        _ = counters.in_use(counters.MIGRATED, read([keys.counter(counters.MIGRATED)]))  # which it remembers
        names = {*self.there, *(keys.counted(key) for key in self.stated)}
        used = {name: self.in_use.get(name) or counters.in_use(name, {}) for name in names}
        for key in self.stated.keys() - {key for each in used.values() for key in each}:
            yield from _unused_findings(key)
        wrong = {name for name in names if self.there[name] != sum(self.stated[key] for key in used[name])}
        kept = {*self.referred, *self.referrers}
        items = {key for key in kept if self.referred[key] != self.referrers[key]}
        counted = {key: (self.members[key.pk], self.leaders[key.pk]) for key in self.teams}
        teams = {key for key, stated in self.teams.items() if counted[key] != stated or not stated[1]}
        yield from self._recount(wrong, items, teams)

    def _recount(self, names: set[str], items: set[Key], teams: set[Key]) -> Iterator[Finding]:
        """Count again, between two looks at what says how many there are."""
        watched = {*items, *teams, *(key for name in names for key in counters.every_shard(name))}
        if not watched:
            return
        before, again = read(watched), Counts()
        for page in table.pages():
            found, unreadable = parsed(page["Items"])
            for item in found:
                again.take(item)
            again.is_partial |= bool(unreadable)
        after = read(watched)
        for name in sorted(names):
            yield from _counter_findings(name, before, after, again)
        quiet = {key for key in before.keys() & after.keys() if _state(before[key]) == _state(after[key])}
        for key in sorted(items & quiet):
            yield from _referrer_findings(after[key], again)
        for key in sorted(teams & quiet):
            yield from _team_findings(after[key], again)


def _state(item: Item) -> tuple[object, object]:
    return item.version, item.referrals  # whoever refers to an item leaves its version


def _counter_findings(name: str, before: Found, after: Found, again: Counts) -> Iterator[Finding]:
    """Compare a counter; the versions of its shards say how often it was written to in the meantime."""
    key, stated, there = keys.counter(name), counters.total(name, before), again.there[name]
    text, off = f"says {stated}, but there are {there}", there - stated
    writes = _versions(name, after) - _versions(name, before)
    if abs(off) <= writes:
        return  # right, as far as can be known while it is written to
    if writes:
        text = "is wrong, and is constantly written to"
        yield Finding(key, text, "check again when fewer writes occur")
    elif off < 0 and again.is_partial:
        yield Finding(key, text, "may count items that this code can't read")
    else:
        yield Finding(key, text, "corrects it", partial(_correct_counter, name, off, before))


def _versions(name: str, found: Found) -> int:
    return sum(int(found[key].version) for key in counters.every_shard(name) if key in found)


def _correct_counter(name: str, off: int, seen: Found, work: Transaction) -> None:
    """Add what is missing, while no shard was written to since it was counted."""
    first, *others = counters.every_shard(name)
    for key in others:
        work.check(Item, key, unchanged(seen.get(key)))
    # where the rule that one admin remains looks
    actions = [Counter.amount.add(off), Counter.version.add(1)]
    work.add(Counter.at(first), actions, unchanged(seen.get(first)))


def _unused_findings(key: Key) -> Iterator[Finding]:
    """Look again at a shard that does not count: version 0.1 wrote to it after the migration."""
    name = keys.counted(key)
    first = keys.counter(name)
    found = read([first, key])
    if key in found and key not in counters.in_use(name, found):
        mend = partial(remove, found[key], first, found)
        yield Finding(key, "does not count: version 0.1 has written it", "removes it", mend)


def _referrer_findings(item: Item, again: Counts) -> Iterator[Finding]:
    """Compare how many refer to an item."""
    stated, there = int(item.referrers or 0), again.referred[item.key]
    text = f"says that {stated} others refer to it, but there are {there}"
    if there < stated and again.is_partial:
        yield Finding(item.key, text, "may be referred to by items that this code can't read")
    elif there != stated:
        yield Finding(item.key, text, "corrects it", partial(_correct_referrers, item, there))


def _correct_referrers(item: Item, number: int, work: Transaction) -> None:
    """Set the count of an item that nobody has changed, or referred to, since it was read."""
    seen: float | None = item.referrals
    condition = Item.referrals.does_not_exist() if seen is None else Item.referrals == seen
    work.update(item, [Item.referrers.set(number)], condition)


def _team_findings(team: Item, again: Counts) -> Iterator[Finding]:
    """Compare the counts of a team; whoever joins or leaves makes it another version."""
    members, leaders = again.members[team.pk], again.leaders[team.pk]
    if not isinstance(team, Team) or (members < team.member_count and again.is_partial):
        return  # who can't be read is reported, and may be a member or lead it
    if (team.member_count, team.leader_count) != (members, leaders):
        stated = f"{team.member_count} members and {team.leader_count} leaders"
        text = f"says {stated}, but has {members} and {leaders}"
        mend = partial(change, team, {"member_count": members, "leader_count": leaders})
        yield Finding(team.key, text, "corrects it", mend)
    if not leaders:
        yield Finding(team.key, "nobody leads it", "add a leader as an admin, or delete it")
