"""Memberships are listed under their user, so that people can list the teams that they are in."""

from collections.abc import Mapping
from typing import Any

from chalicelib.teams.models import Member
from tasks.data.migrate import Migration


def _place(member: Member) -> Mapping[str, Any]:
    listing, position = member.listed()
    return {"gsi1pk": listing, "gsi1sk": position}


list_teams = Migration(Member, 2, "lists it under its user", _place)
