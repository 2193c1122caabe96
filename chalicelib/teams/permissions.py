"""Who may do what with teams."""

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.settings import LEADERS
from chalicelib.teams.models import Member, Team
from chalicelib.users.models import User
from chalicelib.web.access import ADMIN, WRITE_ACCESS, Permission
from chalicelib.web.call import Call, Load


def _team_key(call: Call) -> Key | None:
    team_id = call.params["team_id"]
    return keys.team(team_id) if keys.is_id(team_id) else None


def _membership_key(call: Call) -> Key | None:
    team_id = call.params["team_id"]
    return keys.member(team_id, call.claims.owner) if call.claims and keys.is_id(team_id) else None


def _member_key(call: Call) -> Key | None:
    team_id, user_id = call.params["team_id"], call.params.get("user_id")
    return keys.member(team_id, user_id) if user_id and keys.is_id(team_id) and keys.is_id(user_id) else None


def _new_member_key(call: Call) -> Key | None:
    """Find the user whom an unvalidated body names."""
    user_id = call.payload.get("user_id") if isinstance(call.payload, dict) else None
    return keys.user(user_id) if isinstance(user_id, str) and keys.is_id(user_id) else None


TEAM = Load(Team, _team_key)
MEMBERSHIP = Load(Member, _membership_key, required=False)
MEMBER = Load(Member, _member_key, hidden=True)
NEW_MEMBER = Load(User, _new_member_key, required=False)


def _is_member(call: Call) -> bool:
    return call.get(MEMBERSHIP) is not None


def _is_leader(call: Call) -> bool:
    membership = call.get(MEMBERSHIP)
    return membership is not None and bool(membership.is_leader)


def _adds_members(call: Call) -> bool:
    return _is_leader(call) and call.context.settings.direct_members == LEADERS


MEMBER_OR_ADMIN = Permission("Member", _is_member, (MEMBERSHIP,)) | ADMIN
LEADER_OR_ADMIN = Permission("Leader", _is_leader, (MEMBERSHIP,)) | ADMIN
LEADER_OR_ADMIN_WRITER = LEADER_OR_ADMIN & WRITE_ACCESS
# A setting reserves for admins what others only get by an invitation, which they may decline.
MEMBER_ADDER = (Permission("Leader", _adds_members, (MEMBERSHIP,)) | ADMIN) & WRITE_ACCESS
# Leaving takes nothing but one's own rights: accounts without write access may, too.
ONESELF = Permission("Oneself", lambda call: call.params.get("user_id") == call.actor.id)
