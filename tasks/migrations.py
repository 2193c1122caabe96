"""The steps that bring older items up to what the code writes today: a function each, and a line below."""

from collections.abc import Mapping
from typing import Any

from chalicelib.db import keys
from chalicelib.db.table import get_many
from chalicelib.oauth.authorize.models import Consent
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.teams.models import Member, Team
from tasks.data.migrate import Migration


def _name(consent: Consent) -> Mapping[str, Any]:
    # those of schema 1 kept only the client's own name, which may be empty
    if consent.client_name:
        return {}
    client = get_many([keys.client(consent.client_id)]).get(keys.client(consent.client_id))
    name = client.shown_name if isinstance(client, OAuth2Client) else consent.client_id
    return {"client_name": name}


def _place(member: Member) -> Mapping[str, Any]:
    listing, position = member.listed()
    return {"gsi1pk": listing, "gsi1sk": position}


def _title(team: Team) -> Mapping[str, Any]:
    return {"title": team.title}  # as it is: writing an attribute writes its index entry


MIGRATIONS = [
    Migration(Consent, 2, "names the client where its name is empty", _name),
    Migration(Member, 2, "lists it under its user", _place),
    Migration(Team, 2, "finds it by its title", _title),
]
