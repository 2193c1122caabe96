"""What is neither a resource nor OAuth2: health, and the pages that problem types point to."""

from marshmallow import Schema, fields, validate

from chalicelib.db import keys
from chalicelib.db.table import get_many
from chalicelib.errors import ApiError, NotFoundError, ServiceUnavailableError, all_problems
from chalicelib.web.operation import PUBLIC, Call, Operation

PROBLEMS: dict[str, type[ApiError]] = {kind.slug: kind for kind in all_problems()}


class HealthQuery(Schema):
    """How closely to look."""

    deep = fields.String(
        load_default="0",
        validate=validate.OneOf(("0", "1")),
        metadata={"description": "1: ask the table, too.", "example": "1"},
    )


class HealthSchema(Schema):
    """What is running."""

    status = fields.String(metadata={"example": "ok"})
    build = fields.String()


class ProblemTypeSchema(Schema):
    """A problem type, explained."""

    title = fields.String()
    status = fields.Integer()
    meaning = fields.String()
    advice = fields.String()


@Operation(permission=PUBLIC, query=HealthQuery, response=HealthSchema, problems=(ServiceUnavailableError,))
def get_health(call: Call) -> dict[str, str]:
    """Tell the build that is running; with deep=1 also whether the table answers."""
    if call.query["deep"] == "1":
        get_many([keys.counter(keys.USERS)])
    return {"status": "ok", "build": call.settings.build}


@Operation(permission=PUBLIC, response=ProblemTypeSchema, problems=(NotFoundError,), no_store=False)
def get_problem_type(call: Call) -> dict[str, str | int]:
    """Explain a problem type."""
    kind = PROBLEMS.get(call.params["problem"])
    if kind is None:
        raise NotFoundError
    return {
        "title": kind.title,
        "status": kind.status,
        "meaning": " ".join((kind.__doc__ or "").split(":param")[0].split()),
        "advice": kind.advice,
    }
