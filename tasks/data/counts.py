"""Counters, compared with the items that they count."""

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from pynamodb.expressions.condition import Condition

from chalicelib.db import counters, keys
from chalicelib.db.counters import Counter
from chalicelib.db.keys import Key
from chalicelib.db.table import Item, query
from chalicelib.db.transaction import Transaction
from chalicelib.teams.models import Member, Team
from tasks.data import table
from tasks.data.findings import Finding
from tasks.data.items import Found, parsed, read

LOOKS = 3  # at what is written to while it is counted


class Counts:
    """What a Scan counts, and what counters and teams say.

    :ivar is_partial: there were items that the code can't read, so whatever counts them seems too high.
    """

    def __init__(self) -> None:
        self.there: Tally[str] = Tally()
        self.stated: Tally[str] = Tally()
        self.members: dict[str, tuple[int, int]] = {}
        self.teams: dict[str, tuple[int, int]] = {}
        self.is_partial = False

    def take(self, item: Item) -> None:
        """Count an item in all that counts it."""
        self.there.update(item.counted())
        if isinstance(item, Counter):
            self.stated[item.pk.removeprefix(keys.counter("").pk)] += int(item.amount)
        elif isinstance(item, Team):
            self.teams[item.pk] = int(item.member_count), int(item.leader_count)
        elif isinstance(item, Member):
            members, leaders = self.members.get(item.pk, (0, 0))
            self.members[item.pk] = members + 1, leaders + bool(item.is_leader)

    def findings(self) -> Iterator[Finding]:
        """Recheck every difference, and yield what is really wrong."""
        suspects = {name for name in {*self.there, *self.stated} if self.there[name] != self.stated[name]}
        yield from _counter_findings(suspects, is_partial=self.is_partial)
        for pk, stated in self.teams.items():
            if self.members.get(pk) != stated or not stated[1]:
                yield from _team_findings(Key(pk, keys.team("").sk))


def _counter_findings(names: set[str], *, is_partial: bool) -> Iterator[Finding]:
    """Count again, and see from the versions of the shards how often they were written to in the meantime."""
    before = {name: read(counters.shards(name)) for name in names}
    there = _count(names) if names else Tally[str]()
    for name in sorted(names):
        writes = _writes(before[name], read(counters.shards(name)))
        off = there[name] - counters.total(before[name].values())
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
    stated = counters.total(shards.values())
    text = f"says {stated}, but there are {stated + off}"
    if not is_known:
        return Finding(keys.counter(name), text, "may count items that this code can't read")
    return Finding(keys.counter(name), text, "corrects it", partial(_correct, name, off, shards))


def _correct(name: str, off: int, seen: Mapping[Key, Item]) -> None:
    """Add what is missing, while no shard was written to since it was counted."""
    transaction = Transaction()
    first, *others = counters.shards(name)
    for key in others:
        transaction.check(Counter, key, _unchanged(seen.get(key)))
    # where the rule that one admin remains looks
    actions = [Counter.amount.add(off), Counter.version.add(1)]
    transaction.add(Counter.at(first), actions, _unchanged(seen.get(first)))
    transaction.commit()


def _unchanged(shard: Item | None) -> Condition:
    return Counter.version == shard.version if shard else Counter.pk.does_not_exist()


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
