"""Counters, compared with the items that they count."""

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from chalicelib.db import counters, keys
from chalicelib.db.counters import Counter
from chalicelib.db.keys import Key
from chalicelib.db.table import Item, query
from chalicelib.db.transaction import Transaction
from chalicelib.teams.models import Member, Team
from tasks.data import references, table
from tasks.data.findings import Finding
from tasks.data.items import Found, parsed, read
from tasks.data.shards import unchanged

LOOKS = 3  # at what is written to while it is counted


class Counts:
    """What a Scan counts, and what counters and teams say.

    :ivar is_partial: there were items that the code can't read, so whatever counts them seems too high.
    """

    def __init__(self) -> None:
        self.there: Tally[str] = Tally()
        self.stated: Tally[Key] = Tally()
        self.in_use: dict[str, list[Key]] = {}
        self.members: dict[str, tuple[int, int]] = {}
        self.teams: dict[str, tuple[int, int]] = {}
        self.referred: Tally[Key] = Tally()
        self.kept: dict[Key, int] = {}
        self.is_partial = False

    def take(self, item: Item) -> None:
        """Count an item in all that counts it."""
        self.there.update(item.counted())
        self.referred.update(references.referred(item))
        if item.referrers:
            self.kept[item.key] = int(item.referrers)
        if isinstance(item, Counter):
            self.stated[item.key] = int(item.amount)
            if item.in_use:
                name = keys.counted(item.key)
                self.in_use[name] = counters.in_use(name, {item.key: item})
        elif isinstance(item, Team):
            self.teams[item.pk] = int(item.member_count), int(item.leader_count)
        elif isinstance(item, Member):
            members, leaders = self.members.get(item.pk, (0, 0))
            self.members[item.pk] = members + 1, leaders + bool(item.is_leader)

    def findings(self) -> Iterator[Finding]:
        """Recheck every difference, and yield what is really wrong."""
        _ = counters.in_use(counters.MIGRATED, read([keys.counter(counters.MIGRATED)]))  # which it remembers
        names = {*self.there, *(keys.counted(key) for key in self.stated)}
        used = {name: self.in_use.get(name) or counters.in_use(name, {}) for name in names}
        suspects = {name for name in names if self.there[name] != sum(self.stated[key] for key in used[name])}
        for key in self.stated.keys() - {key for each in used.values() for key in each}:
            yield from _unused_findings(key)
        yield from _counter_findings(suspects, is_partial=self.is_partial)
        wrong = {key for key in {*self.referred, *self.kept} if self.referred[key] != self.kept.get(key, 0)}
        yield from references.count_findings(wrong, is_partial=self.is_partial)
        for pk, stated in self.teams.items():
            if self.members.get(pk) != stated or not stated[1]:
                yield from _team_findings(Key(pk, keys.team("").sk))


def _counter_findings(names: set[str], *, is_partial: bool) -> Iterator[Finding]:
    """Count again, and see from the versions of the shards how often they were written to in the meantime."""
    before = {name: read(counters.every_shard(name)) for name in names}
    there = _count(names) if names else Tally[str]()
    for name in sorted(names):
        writes = _writes(before[name], read(counters.every_shard(name)))
        off = there[name] - counters.total(name, before[name])
        if abs(off) <= writes:
            continue  # right, as far as can be known while it is written to
        if not writes:
            yield _miscounted(name, off, before[name], is_known=off > 0 or not is_partial)
        else:
            text = "is wrong, and is constantly written to"
            yield Finding(keys.counter(name), text, "check again when fewer writes occur")


def _count(names: Iterable[str]) -> Tally[str]:
    wanted, there = set(names), Tally[str]()
    for page in table.pages():
        for item in parsed(page["Items"])[0]:
            there.update(wanted.intersection(item.counted()))
    return there


def _writes(before: Found, after: Found) -> int:
    return sum(int(shard.version) for shard in after.values()) - sum(
        int(shard.version) for shard in before.values()
    )


def _miscounted(name: str, off: int, shards: Found, *, is_known: bool) -> Finding:
    stated = counters.total(name, shards)
    text = f"says {stated}, but there are {stated + off}"
    if not is_known:
        return Finding(keys.counter(name), text, "may count items that this code can't read")
    return Finding(keys.counter(name), text, "corrects it", partial(_correct, name, off, shards))


def _correct(name: str, off: int, seen: Mapping[Key, Item]) -> None:
    """Add what is missing, while no shard was written to since it was counted."""
    transaction = Transaction()
    first, *others = counters.every_shard(name)
    for key in others:
        transaction.check(Counter, key, unchanged(seen.get(key)))
    # where the rule that one admin remains looks
    actions = [Counter.amount.add(off), Counter.version.add(1)]
    transaction.add(Counter.at(first), actions, unchanged(seen.get(first)))
    transaction.commit()


def _unused_findings(key: Key) -> Iterator[Finding]:
    """Look again at a shard that does not count: version 0.1 wrote to it after the migration."""
    name = keys.counted(key)
    first = keys.counter(name)
    found = read([first, key])
    if key in found and key not in counters.in_use(name, found):
        mend = partial(_remove, found[key], found.get(first))
        yield Finding(key, "does not count: version 0.1 has written it", "removes it", mend)


def _remove(shard: Item, first: Item | None) -> None:
    """Remove a shard, while the first one does not say that it is in use."""
    transaction = Transaction()
    transaction.delete(shard)
    transaction.check(Counter, keys.counter(keys.counted(shard.key)), unchanged(first))
    transaction.commit()


def _team_findings(key: Key) -> Iterator[Finding]:
    team = read([key]).get(key)
    for _ in range(LOOKS):
        if not isinstance(team, Team):
            return
        try:
            members = query(Member, team.pk, prefix=keys.MEMBERS, attributes=("is_leader",))
        except (TypeError, ValueError):
            return  # one of them can't be read, which is told by itself, so nobody can count them
        again = read([key]).get(key)
        if isinstance(again, Team) and again.version == team.version:
            yield from _judge_team(team, len(members), sum(bool(member.is_leader) for member in members))
            return
        team = again


def _judge_team(team: Team, members: int, leaders: int) -> Iterator[Finding]:
    if (team.member_count, team.leader_count) != (members, leaders):
        stated = f"{team.member_count} members and {team.leader_count} leaders"
        text = f"says {stated}, but has {members} and {leaders}"
        yield Finding(team.key, text, "corrects it", partial(_count_anew, team, members, leaders))
    if not leaders:
        yield Finding(team.key, "nobody leads it", "add a leader as an admin, or delete it")


def _count_anew(team: Team, members: int, leaders: int) -> None:
    # Whoever joins or leaves makes it another version.
    transaction = Transaction()
    transaction.change(team, {"member_count": members, "leader_count": leaders})
    transaction.commit()
