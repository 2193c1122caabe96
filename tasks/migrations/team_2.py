"""Teams are found by the beginning of their titles, so each has an index entry."""

from collections.abc import Mapping
from typing import Any

from chalicelib.teams.models import Team
from tasks.data.migrate import Migration


def _title(team: Team) -> Mapping[str, Any]:
    return {"title": team.title}  # as it is: writing an attribute writes its index entry


find_by_title = Migration(Team, 2, "finds it by its title", _title)
