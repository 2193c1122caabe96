"""Create, look at, list, change and delete teams and their memberships."""

from dataclasses import replace

from chalicelib.db import counters, keys
from chalicelib.db.table import query
from chalicelib.errors import ConflictError, NotFoundError
from chalicelib.rate_limit import rate_limit
from chalicelib.scopes import TEAMS_READ, TEAMS_WRITE
from chalicelib.teams import actions
from chalicelib.teams.models import Member, Team
from chalicelib.teams.permissions import (
    LEADER_OR_ADMIN_WRITER,
    MEMBER,
    MEMBER_ADDER,
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
    MyTeamSchema,
    TeamInputSchema,
    TeamQuery,
    TeamSchema,
    TeamViewSchema,
)
from chalicelib.web.access import ACTIVE_USER, WRITE_ACCESS, Access, Rule
from chalicelib.web.call import Call
from chalicelib.web.operation import Docs, Gives, Operation, Reply, Takes
from chalicelib.web.pagination import ListQuery, PageQuery, count, read_found, read_page, shown_by

MEMBER_ATTRIBUTES = ("user_id", "username", "is_leader")


@Operation(
    access=Access(
        ACTIVE_USER,
        scopes=TEAMS_READ,
        also_reads=lambda call: [] if "title" in call.request.query else counters.shards(keys.TEAMS),
    ),
    takes=Takes(query=TeamQuery),
    gives=Gives(BaseTeamSchema, many=True),
)
def list_teams(call: Call) -> Reply:
    """List teams in the order of their creation, or find some by the beginning of their titles.

    What is found is not counted. It may lack what changed a moment ago, so a page may be short: `Link` says
    whether there are more.
    """
    if "title" in call.query:
        return read_found(call, Team, keys.TEAMS, {"title": call.query["title"]})
    return read_page(call, Team, keys.TEAMS, shown_by(BaseTeamSchema), total=count(call, keys.TEAMS))


@Operation(
    access=Access(ACTIVE_USER, scopes=TEAMS_READ),
    takes=Takes(query=PageQuery),
    gives=Gives(MyTeamSchema, many=True),
)
def list_my_teams(call: Call) -> Reply:
    """List the teams that you are in, in the order of their creation.

    A page leaves out teams that were deleted a moment ago, so it may be short: `Link` says whether there are
    more.
    """
    page = read_page(call, Member, keys.teams_of(call.actor.id), ("team_id", "is_leader"))
    return replace(page, value=actions.with_teams(call.context, page.value))


@Operation(
    access=Access(WRITE_ACCESS, scopes=TEAMS_WRITE, limit=rate_limit("100/hour")),
    takes=Takes(body=TeamInputSchema),
    gives=Gives(TeamViewSchema, status=201, etag=True),
)
def create_team(call: Call) -> Reply:
    """Create a team; whoever creates it leads it."""
    team = actions.create_team(call.context, call.body["title"], call.actor.account)
    return Reply(team, headers={"Location": call.url_for(get_team, team_id=team.id)})


@Operation(
    access=Access(MEMBER_OR_ADMIN, scopes=TEAMS_READ, reads=(TEAM,)),
    gives=Gives(TeamSchema, etag=True),
    docs=Docs(headers=("Link",)),
)
def get_team(call: Call) -> Reply:
    """Look at a team and its first 100 members."""
    team = call[TEAM]
    team.members = query(
        Member, team.pk, prefix=keys.MEMBERS, limit=MEMBERS_SHOWN, attributes=MEMBER_ATTRIBUTES
    )
    return Reply(team, headers={"Link": f'<{call.url_for(list_members, team_id=team.id)}>; rel="related"'})


@Operation(
    access=Access(LEADER_OR_ADMIN_WRITER, scopes=TEAMS_WRITE, reads=(TEAM,)),
    takes=Takes(body=TeamInputSchema, patch={"title": Rule()}, target=TEAM),
    gives=Gives(TeamViewSchema, etag=True),
    docs=Docs(problems=(ConflictError,)),
)
def patch_team(call: Call) -> Team:
    """Change a team's title by JSON Patch."""
    actions.change_team(call.context, call[TEAM], call.body)
    return call[TEAM]


@Operation(
    access=Access(LEADER_OR_ADMIN_WRITER, scopes=TEAMS_WRITE, reads=(TEAM,)),
    takes=Takes(target=TEAM),
    gives=Gives(status=204),
    docs=Docs(problems=(ConflictError,)),
)
def delete_team(call: Call) -> None:
    """Delete a team: access ends at once, its memberships are removed in the background.

    It is a conflict while something refers to the team that keeps it.
    """
    actions.delete_team(call.context, call[TEAM])


@Operation(
    access=Access(MEMBER_OR_ADMIN, scopes=TEAMS_READ, reads=(TEAM,)),
    takes=Takes(query=ListQuery),
    gives=Gives(MemberSchema, many=True),
)
def list_members(call: Call) -> Reply:
    """List a team's members in the order of their user ids."""
    team = call[TEAM]
    total = int(team.member_count)
    page = read_page(call, Member, team.pk, MEMBER_ATTRIBUTES, prefix=keys.MEMBERS, total=total)
    for member in page.value:
        member.team = team
    return page


@Operation(
    access=Access(MEMBER_ADDER, scopes=TEAMS_WRITE, reads=(TEAM, NEW_MEMBER), limit=rate_limit("1000/hour")),
    takes=Takes(body=MemberInputSchema),
    gives=Gives(MemberSchema, status=201),
    docs=Docs(problems=(ConflictError,)),
)
def create_member(call: Call) -> Reply:
    """Add a user to a team; others are invited, and where a setting says so, only admins may add."""
    team, user = call[TEAM], call.get(NEW_MEMBER)
    if user is None:
        raise NotFoundError("There is no user with this user_id.")
    member = actions.add_member(call.context, team, user, is_leader=call.body["is_leader"])
    location = call.url_for(delete_member, team_id=team.id, user_id=user.id)
    return Reply(member, headers={"Location": location})


@Operation(
    access=Access(LEADER_OR_ADMIN_WRITER | ONESELF, scopes=TEAMS_WRITE, reads=(TEAM, MEMBER)),
    gives=Gives(status=204),
    docs=Docs(problems=(ConflictError,)),
)
def delete_member(call: Call) -> None:
    """Remove a user from a team, or leave it yourself; the last leader stays."""
    actions.remove_member(call.context, call[TEAM], call[MEMBER])
