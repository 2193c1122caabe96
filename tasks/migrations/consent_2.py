"""Consents keep the name that people know the client by.

Those of schema 1 kept only the client's own name, which may be empty, so that some connected apps had no
name.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.db import keys
from chalicelib.db.table import get_many
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.consents.models import Consent
from tasks.data.migrate import Migration


def _name(consent: Consent) -> Mapping[str, Any]:
    if consent.client_name:
        return {}
    client = get_many([keys.client(consent.client_id)]).get(keys.client(consent.client_id))
    name = client.shown_name if isinstance(client, OAuth2Client) else consent.client_id
    return {"client_name": name}


name_client = Migration(Consent, 2, "names the client where its name is empty", _name)
