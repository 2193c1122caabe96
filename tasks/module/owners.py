"""Whose the items of a new resource are: what its templates say of it."""

from tasks.errors import TaskError

# The same words for both: what reads, writes, tests and documentation call the owner.
OWNERS = {
    "user": {
        "permissions": "permissions.py",
        "owner_attributes": "    user_id = UnicodeAttribute()\n",
        "owner_view": (
            '    user_id = ItemId("user_id", metadata={"description": "Whose it is.", "readOnly": True})\n'
        ),
        "owner_field": "user_id",
        "owner_parameter": "user_id: str, ",
        "owner_argument": "user_id=user_id, ",
        "owner_words": "of a user",
        "owner_call": "call.actor.id, ",
        "owner_given": "user.id, ",
        "owner_id_given": "user_id, ",
        "owner_id_named": "user_id=keys.NOBODY, ",
        "owner_shown": ', "user_id": user.id',
        "owner_setup": "",
        "of_owner": "it belongs to whoever creates it",
        "names": "OWNER_OR_ADMIN_WRITER",
        "may_list": "ACTIVE_USER",
        "may_create": "WRITE_ACCESS",
        "may_get": "ACTIVE_USER",
        "may_change": "OWNER_OR_ADMIN_WRITER",
        "also_reads": "",
        "later": "0",
        "list_row": '"active user", _ALL',
        "create_row": '"write access", frozenset(WRITERS)',
        "get_row": '"active user", _ALL',
        "change_row": '"(owner or admin) with write access", OWNER_OR_ADMIN_WRITER',
        "who_lists": "any active user",
        "who_creates": "anybody with write access, who then owns the $word",
        "who_gets": "any active user",
        "who_changes": "the owner or an admin, with write access",
    },
    "team": {
        "permissions": "permissions_of_teams.py",
        "owner_attributes": "",
        "owner_view": "",
        "owner_field": "team_id",
        "owner_parameter": "",
        "owner_argument": "",
        "owner_words": "of a team",
        "owner_call": "",
        "owner_given": "",
        "owner_id_given": "",
        "owner_id_named": "",
        "owner_shown": "",
        "owner_setup": "    targets.join_team(user)\n",
        "of_owner": "it belongs to the team that the body names",
        "names": "TEAM, CREATOR, MEMBER_OR_ADMIN, MEMBER_OR_ADMIN_WRITER",
        "may_list": "ADMIN",
        "may_create": "CREATOR",
        "may_get": "MEMBER_OR_ADMIN",
        "may_change": "MEMBER_OR_ADMIN_WRITER",
        "also_reads": "TEAM",
        "later": "1",
        "list_row": '"admin", frozenset(ADMINS)',
        "create_row": '"(member or admin) with write access", frozenset((MEMBERS | ADMINS) & WRITERS)',
        "get_row": '"member or admin", MEMBER_OR_ADMIN',
        "change_row": '"(member or admin) with write access", frozenset((MEMBERS | ADMINS) & WRITERS)',
        "who_lists": "admins",
        "who_creates": "members of the team that `team_id` names, and admins, with write access",
        "who_gets": "members of its team, and admins",
        "who_changes": "members of its team, and admins, with write access",
    },
}


def check_owner(owner: str) -> None:
    """Check whose items may be.

    :raises TaskError: nobody's.
    """
    if owner not in OWNERS:
        raise TaskError(f"--owner is {' or '.join(OWNERS)}, not {owner!r}.")
