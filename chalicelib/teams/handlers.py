"""Create, look at, list, change and delete teams and their memberships."""

from collections.abc import Mapping
from typing import Any

from chalicelib.audit.trail import Detail, Event, record
from chalicelib.db import counters, keys
from chalicelib.db.table import query
from chalicelib.db.transaction import ConditionFailedError, Transaction
from chalicelib.errors import ConflictError, InvalidValueError, NotFoundError
from chalicelib.teams.models import (
    Member,
    Team,
    add_member,
    change_team,
    clean_up,
    remove_member,
)
from chalicelib.teams.models import create_team as save_new_team
from chalicelib.teams.models import delete_team as end_team
from chalicelib.teams.permissions import (
    LEADER_OR_ADMIN_WRITER,
    MEMBER,
    MEMBER_OR_ADMIN,
    NEW_MEMBER,
    ONESELF,
    TEAM,
)
from chalicelib.teams.schemas import (
    MEMBERS_SHOWN,
    BaseTeamSchema,
    MemberInputSchema,
    MemberSchema,
    TeamInputSchema,
    TeamSchema,
    TeamViewSchema,
)
from chalicelib.web.access import job
from chalicelib.web.operation import (
    ACTIVE_USER,
    FORM,
    JSON,
    JSON_PATCH,
    WRITE_ACCESS,
    Call,
    Operation,
    PatchPolicy,
    Reply,
    Rule,
)
from chalicelib.web.pagination import Listing, ListQuery, Page, count, read_page
from chalicelib.web.patch import patch_item, save_anew
from chalicelib.web.rate_limit import rate_limit

READ = frozenset({"teams:read"})
WRITE = frozenset({"teams:write"})
LISTING = Listing(keys.TEAMS, attributes=("id", "title", "gsi1sk"))
MEMBER_ATTRIBUTES = ("sk", "user_id", "username", "is_leader")
POLICY = PatchPolicy(view=TeamViewSchema, changes=TeamInputSchema, rules={"title": Rule()})


def team_url(call: Call, team_id: str) -> str:
    """Give the address of a team."""
    return f"{call.request.base_url}/api/v1/teams/{team_id}"


def _event(
    call: Call,
    event: Event,
    team_id: str,
    user_id: str | None = None,
    more: Mapping[str, Detail] | None = None,
) -> Transaction:
    """Begin what the call writes, with its event in it.

    :param user_id: whose membership it is about.
    """
    transaction = call.transaction()
    record(transaction, call, event, user_id=user_id, details={"team": team_id, **(more or {})})
    return transaction


@Operation(
    permission=ACTIVE_USER,
    scopes=READ,
    query=ListQuery,
    loads_keys=lambda _: counters.shards(keys.TEAMS),
    response=BaseTeamSchema,
    many=True,
)
def list_teams(call: Call) -> Page[Team]:
    """List teams in the order of their creation."""
    return read_page(call, Team, LISTING, count(call, counters.shards(keys.TEAMS)))


@Operation(
    permission=WRITE_ACCESS,
    scopes=WRITE,
    body=TeamInputSchema,
    body_types=(JSON, FORM),
    response=TeamViewSchema,
    status=201,
    etag=True,
    rate_limit=rate_limit("100/hour", in_transaction=True),
)
def create_team(call: Call) -> Reply:
    """Create a team; whoever creates it leads it."""
    actor, team_id = call.actor, keys.new_id()
    transaction = _event(call, "team_creation", team_id, actor.id, {"is_leader": True})
    team = save_new_team(
        call.body["title"], actor.id, actor.account.username, team_id=team_id, transaction=transaction
    )
    return Reply(team, headers={"Location": team_url(call, team.id)})


@Operation(
    permission=MEMBER_OR_ADMIN,
    scopes=READ,
    loads=(TEAM,),
    response=TeamSchema,
    etag=True,
    headers=("Link",),
)
def get_team(call: Call) -> Reply:
    """Look at a team and its first 100 members."""
    team = call[TEAM]
    team.members = query(
        Member,
        team.pk,
        prefix=keys.MEMBERS,
        limit=MEMBERS_SHOWN,
        attributes=MEMBER_ATTRIBUTES,
    )
    return Reply(team, headers={"Link": f'<{team_url(call, team.id)}/members>; rel="related"'})


@Operation(
    permission=LEADER_OR_ADMIN_WRITER,
    scopes=WRITE,
    loads=(TEAM,),
    patch=POLICY,
    body_types=(JSON_PATCH, JSON),
    response=TeamViewSchema,
    etag=True,
    problems=(ConflictError,),
)
def patch_team(call: Call) -> Team:
    """Change a team's title by JSON Patch."""
    return patch_item(call, call[TEAM], lambda team, changes: _save(call, team, changes))


def _save(call: Call, team: Team, changes: dict[str, Any]) -> None:
    change_team(team, changes, _event(call, "team_change", team.id, more={"fields": sorted(changes)}))


@Operation(permission=LEADER_OR_ADMIN_WRITER, scopes=WRITE, loads=(TEAM,), status=204, if_match=True)
def delete_team(call: Call) -> None:
    """Delete a team: access ends at once, its memberships go behind the scenes."""
    save_anew(call, call[TEAM], lambda team: end_team(team, _event(call, "team_deletion", team.id)))


def clean_up_deleted_teams(event: object) -> int:
    """Run on a schedule: remove the memberships that deleted teams left."""
    with job("clean_up", event) as run:
        removed = clean_up()
        run.note(removed=removed)
    return removed


@Operation(
    permission=MEMBER_OR_ADMIN,
    scopes=READ,
    loads=(TEAM,),
    query=ListQuery,
    response=MemberSchema,
    many=True,
)
def list_members(call: Call) -> Page[Member]:
    """List a team's members in the order of their user ids."""
    team = call[TEAM]
    listing = Listing(team.pk, prefix=keys.MEMBERS, attributes=MEMBER_ATTRIBUTES)
    page = read_page(call, Member, listing, int(team.member_count))
    for member in page.items:
        member.team = team
    return page


@Operation(
    permission=LEADER_OR_ADMIN_WRITER,
    scopes=WRITE,
    loads=(TEAM, NEW_MEMBER),
    body=MemberInputSchema,
    body_types=(JSON, FORM),
    response=MemberSchema,
    status=201,
    problems=(ConflictError,),
    rate_limit=rate_limit("1000/hour", in_transaction=True),
)
def create_member(call: Call) -> Any:
    """Add a user to a team."""
    team, user = call[TEAM], call.get(NEW_MEMBER)
    if user is None:
        raise NotFoundError("There is no user with this user_id.")
    is_leader: bool = call.body["is_leader"]
    if is_leader and not (user.is_regular_user or user.is_internal):
        # They could not lead, and as the last leader they could not leave either.
        detail = "This account has no write access, so it cannot lead a team."
        raise InvalidValueError(errors=[{"pointer": "/is_leader", "detail": detail}])
    transaction = _event(call, "member_addition", team.id, user.id, {"is_leader": is_leader})
    try:
        member = add_member(team, user, is_leader=is_leader, transaction=transaction)
    except ConditionFailedError as error:
        if error.names - {"member"}:
            raise NotFoundError("The team or the user was deleted meanwhile.") from error
        raise ConflictError("This user is a member already.") from error
    member.team = team
    return Reply(member, headers={"Location": f"{team_url(call, team.id)}/members/{user.id}"})


@Operation(
    permission=LEADER_OR_ADMIN_WRITER | ONESELF,
    scopes=WRITE,
    loads=(TEAM, MEMBER),
    status=204,
    problems=(ConflictError,),
)
def delete_member(call: Call) -> None:
    """Remove a user from a team, or leave it yourself; the last leader stays."""
    team, member = call[TEAM], call[MEMBER]
    details = {"is_leader": bool(member.is_leader)}
    transaction = _event(call, "member_removal", team.id, member.user_id, details)
    try:
        remove_member(team, member, transaction)
    except ConditionFailedError as error:
        if "member" in error.names:
            raise NotFoundError("This user is no member any more.") from error
        raise ConflictError(
            "This is the team's last leader: add another leader first, or delete the team."
        ) from error
