"""Health, problem types, and what others look for at well-known addresses."""

import json
from datetime import UTC, datetime, time, timedelta

from marshmallow import Schema, fields, validate

from chalicelib.db import keys
from chalicelib.db.table import get_many
from chalicelib.errors import ApiError, NotFoundError, ServiceUnavailableError, all_problems
from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.call import Call
from chalicelib.web.endpoint import Api
from chalicelib.web.fields import text_metadata
from chalicelib.web.media import LINKSET, PLAIN
from chalicelib.web.operation import Docs, Gives, Operation, Reply, Takes

CATALOG_PROFILE = "https://www.rfc-editor.org/info/rfc9727"
MAX_AGE = "public, max-age=3600"
SECURITY_TXT_LIFETIME = timedelta(days=180)  # RFC 9116 §2.5.5: less than a year
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


def api_catalog(api: Api) -> Operation:
    """Declare the API catalog (RFC 9727): a link to every operation that declares a relation."""

    @Operation(
        access=Access(PUBLIC),
        gives=Gives(types=(LINKSET,), no_store=False, etag=True),
        docs=Docs(headers=("Link",)),
    )
    def get_api_catalog(call: Call) -> Reply:
        """List this API, its descriptions, its documentation and its status (RFC 9727, RFC 9264)."""
        base, catalog = call.request.base_url, call.request.base_url + call.paths["get_api_catalog"]
        links: dict[str, list[dict[str, str]]] = {}
        for path, methods in api.operations.items():
            for operation in methods.values():
                if operation.docs.relation:
                    link = {"href": base + path, "type": operation.gives.types[0]}
                    links.setdefault(operation.docs.relation, []).append(link)
        linkset = [{"anchor": catalog, "item": [{"href": base}]}, {"anchor": base, **links}]
        headers = {
            "Content-Type": f'{LINKSET}; profile="{CATALOG_PROFILE}"',
            "Cache-Control": MAX_AGE,
            "Link": f'<{catalog}>; rel="api-catalog"',
        }
        return Reply(json.dumps({"linkset": linkset}), LINKSET, headers)

    return get_api_catalog


@Operation(
    access=Access(PUBLIC),
    gives=Gives(types=(PLAIN,), no_store=False, etag=True),
    docs=Docs(problems=(NotFoundError,)),
)
def get_security_txt(call: Call) -> Reply:
    """Return where vulnerabilities are reported (RFC 9116), if the stage has a contact for that."""
    contact = call.context.settings.security_contact
    if contact is None:
        raise NotFoundError
    lines = {
        "Contact": contact,
        "Expires": expires(datetime.now(UTC)),
        "Preferred-Languages": "en",
        "Canonical": call.url_for(get_security_txt),
    }
    text = "".join(f"{name}: {value}\n" for name, value in lines.items())
    return Reply(text, PLAIN, {"Cache-Control": MAX_AGE})


def expires(now: datetime) -> str:
    """Return when a security.txt that is read now is out of date; the same all day, and so is its ETag."""
    last = datetime.combine(now.date() + SECURITY_TXT_LIFETIME, time(), UTC)
    return last.isoformat().replace("+00:00", "Z")
