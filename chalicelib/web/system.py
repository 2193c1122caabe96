"""What is neither a resource nor OAuth2: health, and the pages that problem types point to."""

from marshmallow import Schema, fields, validate

from chalicelib.db import keys
from chalicelib.db.table import get_many
from chalicelib.errors import ApiError, ServiceUnavailableError, all_problems
from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.call import Call
from chalicelib.web.fields import text_metadata
from chalicelib.web.operation import Docs, Gives, Operation, Takes

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

    status = fields.String(validate=validate.OneOf(("ok",)), metadata={"example": "ok"})
    build = fields.String(metadata=text_metadata(128, example="c0ffee1"))


class ProblemTypeSchema(Schema):
    """A problem type, explained."""

    title = fields.String(metadata=text_metadata(64, example="Not found"))
    status = fields.Integer(validate=validate.Range(400, 599), metadata={"example": 404})
    meaning = fields.String(metadata=text_metadata(1024, example="There is nothing at this address."))
    advice = fields.String(metadata=text_metadata(1024, example="Check the ids in the path."))


@Operation(
    access=Access(PUBLIC),
    takes=Takes(query=HealthQuery),
    gives=Gives(HealthSchema),
    docs=Docs(problems=(ServiceUnavailableError,), relation="status"),
)
def get_health(call: Call) -> dict[str, str]:
    """Return the build that is running; with deep=1 also whether the table answers."""
    if call.query["deep"] == "1":
        get_many([keys.counter(keys.USERS)])
    return {"status": "ok", "build": call.context.settings.build}


@Operation(
    access=Access(PUBLIC, choices={"problem": PROBLEMS}),
    gives=Gives(ProblemTypeSchema, no_store=False),
)
def get_problem_type(call: Call) -> dict[str, str | int]:
    """Explain a problem type."""
    kind = PROBLEMS[call.params["problem"]]
    return {
        "title": kind.title,
        "status": kind.status,
        "meaning": " ".join((kind.__doc__ or "").split(":param")[0].split()),
        "advice": kind.advice,
    }
