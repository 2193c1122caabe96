"""The rules for the items of a table, each with the keys that it needs to be checked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from chalicelib.db import keys
from chalicelib.db.companions import Cascade, IndexEntry, entries_of
from chalicelib.db.keys import Key
from chalicelib.db.table import Item, now
from chalicelib.db.transaction import Transaction
from chalicelib.invitations.models import Invitation
from chalicelib.oauth.authorize.models import Consent
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.privacy.actions import clean_up as erase_rest
from chalicelib.privacy.models import Erasure
from chalicelib.teams.actions import clean_up, count_members
from chalicelib.teams.models import Cleanup, Member, Team
from chalicelib.users.models import Link, User
from tasks.data import letters, lookups, references
from tasks.data.findings import STUCK, Finding, list_anew, remove
from tasks.data.items import Found


@dataclass(frozen=True)
class Rule:
    """A rule for some items.

    :param applies: whether it is about an item.
    :param needs: keys of what else has to be read.
    :param judge: what is wrong, by the item and what was found under those keys.
    """

    applies: Callable[[Item], bool]
    needs: Callable[[Any], list[Key]]
    judge: Callable[[Any, Found], Iterator[Finding]]


def needs_of(item: Item) -> list[Key]:
    """List what has to be read to judge an item."""
    return [key for rule in RULES if rule.applies(item) for key in rule.needs(item)]


def judge(item: Item, found: Found) -> Iterator[Finding]:
    """Return everything that is wrong with an item; if it has another item's key, only that."""
    place = PLACES.get(type(item))
    if place and place(item) != item.key:
        yield Finding(item.key, f"says it is {' '.join(place(item))}", "restore it from a backup")
        return
    for rule in RULES:
        if rule.applies(item):
            yield from rule.judge(item, found)


def _is(*kinds: type[Item]) -> Callable[[Item], bool]:
    return lambda item: isinstance(item, kinds)


def _entries(item: Item) -> list[Key]:
    return [entry.key for entry in entries_of(item)]


def _listing(item: Item, _: Found) -> Iterator[Finding]:
    place = item.listed()
    if (item.gsi1pk, item.gsi1sk) != (place or (None, None)):
        where = f"at {place[1]} in {place[0]}" if place else "nowhere"
        remedy = f"lists it {where}"
        yield Finding(item.key, "is not listed where it should be", remedy, partial(list_anew, item))


def _is_of_user(item: Item) -> bool:
    # decoys of links are nobody's
    is_decoy = isinstance(item, Link) and item.user_id == keys.NOBODY
    return item.pk.startswith(keys.user("").pk) and not isinstance(item, User) and not is_decoy


def _needs_of_user(item: Item) -> list[Key]:
    """Return the keys of the account that an item belongs to, and of the client that it came through."""
    client_id = getattr(item, "client_id", None)
    clients = [keys.client(client_id)] if client_id else []
    return [*_keys_of_account(item.pk.removeprefix(keys.user("").pk)), *clients]


def _of_user(item: Any, found: Found) -> Iterator[Finding]:
    user, note, *clients = _needs_of_user(item)
    if user not in found:
        if note not in found:
            yield Finding(item.key, "its user is gone", "removes it", partial(remove, item, user, found))
        return
    for client in clients:
        if client not in found:
            text = f"is left over from the client {item.client_id}"
            yield Finding(
                item.key, text, "removes it", partial(remove, item, client, found), is_leftover=True
            )


def _keys_of_account(user_id: str) -> list[Key]:
    """Return the keys of an account, and of the note that there is while it is erased."""
    return [keys.user(user_id), keys.erasure(user_id)]


def _is_owned(item: Item) -> bool:
    return bool(hasattr(item, "user_id") and item.counted()) and not _is_of_user(item)


def _owned(item: Any, found: Found) -> Iterator[Finding]:
    if keys.user(item.user_id) not in found and keys.erasure(item.user_id) not in found:
        # others may depend on it, such as the users of a client, so a person has to decide
        text = f"its owner, {item.user_id}, is gone"
        yield Finding(item.key, text, "delete it as an admin, or restore the user from a backup")


def _erasure(note: Erasure, found: Found) -> Iterator[Finding]:
    user = keys.user(note.user_id)
    if user in found:
        text = "is a note to erase an account that exists"
        yield Finding(note.key, text, "removes it", partial(remove, note, user, found))
    elif now() - note.created > STUCK:
        text = f"an account is being erased since {note.created:%F %T} UTC: does clean_up run?"
        yield Finding(note.key, text, "erases it", lambda _: erase_rest())


def _member(member: Member, found: Found) -> Iterator[Finding]:
    team, user = found.get(keys.team(member.team_id)), found.get(keys.user(member.user_id))
    if team is None:
        if keys.cleanup(member.team_id) not in found:
            mend = partial(remove, member, keys.team(member.team_id), found)
            yield Finding(member.key, "its team is gone", "removes it", mend)
    elif user is None and isinstance(team, Team) and keys.erasure(member.user_id) not in found:
        text = "its user is gone"
        if member.is_leader and team.leader_count <= 1:
            yield Finding(member.key, text, "the team has no other leader: add one as an admin, or delete it")
        else:
            yield Finding(member.key, text, "removes it", partial(_remove_member, team, member))


def _remove_member(team: Team, member: Member, work: Transaction) -> None:
    work.delete(member)
    count_members(work, team, -1, leaders=-int(member.is_leader))


def _cleanup(note: Cleanup, found: Found) -> Iterator[Finding]:
    team = keys.team(note.team_id)
    if team in found:
        text = "is a clean-up note for a team that exists"
        yield Finding(note.key, text, "removes it", partial(remove, note, team, found))
    elif now() - note.created > STUCK:
        text = f"memberships of a deleted team remain since {note.created:%F %T} UTC: does clean_up run?"
        yield Finding(note.key, text, "removes them", lambda _: clean_up())


def _invitation(invitation: Invitation, found: Found) -> Iterator[Finding]:
    team = keys.team(invitation.team_id)
    if team not in found:
        mend = partial(remove, invitation, team, found)
        text = "is left over from a deleted team"
        yield Finding(invitation.key, text, "removes it", mend, is_leftover=True)


# The key that each item should have according to its attributes.
PLACES: dict[type[Item], Callable[[Any], Key]] = {
    User: lambda user: keys.user(user.id),
    Team: lambda team: keys.team(team.id),
    Member: lambda member: keys.member(member.team_id, member.user_id),
    OAuth2Client: lambda client: keys.client(client.client_id),
    Invitation: lambda invitation: keys.invited(keys.digest_of(invitation.email), invitation.team_id),
    Erasure: lambda note: keys.erasure(note.user_id),
    Consent: lambda consent: keys.consent(consent.user_id, consent.client_id),
}
RULES = [
    Rule(lambda _: True, lambda _: [], _listing),
    Rule(lambda item: bool(item.indexes), _entries, lookups.judge_indexed),
    Rule(_is(IndexEntry), lambda entry: [entry.finds], lookups.judge_entry),
    Rule(lambda _: True, lambda item: list(item.unique().values()), lookups.judge_unique),
    Rule(lookups.is_of_known_kind, lambda marker: [marker.item_key], lookups.judge_marker),
    Rule(lambda item: bool(item.references), references.needs, references.judge_references),
    Rule(_is(Cascade), lambda _: [], references.judge_cascade),
    Rule(_is_of_user, _needs_of_user, _of_user),
    Rule(_is_owned, lambda item: _keys_of_account(item.user_id), _owned),
    Rule(
        _is(Member),
        lambda member: [
            keys.team(member.team_id),
            keys.cleanup(member.team_id),
            *_keys_of_account(member.user_id),
        ],
        _member,
    ),
    Rule(_is(Cleanup), lambda note: [keys.team(note.team_id)], _cleanup),
    Rule(_is(Invitation), lambda invitation: [keys.team(invitation.team_id)], _invitation),
    Rule(_is(Erasure), lambda note: [keys.user(note.user_id)], _erasure),
    Rule(letters.is_letter, lambda _: [], letters.judge),
]
