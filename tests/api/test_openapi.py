"""The OpenAPI document: valid, and nothing else than what is enforced."""

import re
from typing import Any

import pytest
from marshmallow import Schema
from marshmallow.fields import DateTime, List
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate

import app as application
from chalicelib.oauth.grants.handlers import GRANTS
from chalicelib.scopes import DESCRIPTIONS
from chalicelib.web.fields import Moment, Text
from chalicelib.web.media import FORM
from chalicelib.web.openapi.document import VERSION, build
from chalicelib.web.openapi.problems import problems_of
from tests.api.expected_access import EXPECTED
from tests.architecture.source import ROOT
from tests.repeating import documented
from tests.spec import DOCUMENT

OPERATIONS = {
    (method, path): operation
    for path, methods in application.api.operations.items()
    for method, operation in methods.items()
}
PATCHES = [route for route in OPERATIONS if route[0] == "PATCH"]
MODELS = DOCUMENT["components"]["schemas"]


def entry(route: tuple[str, str]) -> dict[str, Any]:
    """Find an operation in the document."""
    found: dict[str, Any] = DOCUMENT["paths"][route[1]][route[0].lower()]
    return found


def test_the_document_is_valid() -> None:
    """OpenAPI 3.0.3, since API Gateway imports nothing newer."""
    validate(DOCUMENT)
    assert DOCUMENT["openapi"] == "3.0.3"


def test_the_document_has_every_route_and_no_other() -> None:
    """Routes, operations and the document's paths are the same set."""
    paths = DOCUMENT["paths"]
    shown = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    routes = {(method, path) for path, methods in application.app.routes.items() for method in methods}
    assert shown == set(OPERATIONS) == {route for route in routes if route[0] not in ("HEAD", "OPTIONS")}


@pytest.mark.parametrize("route", OPERATIONS, ids="-".join)
def test_the_permission_in_words_is_the_enforced_one(route: tuple[str, str]) -> None:
    """The sentence of the permission that decides, in the words of the design."""
    sentence = OPERATIONS[route].access.permission.sentence
    assert entry(route)["x-permissions"] == sentence
    assert f"**PERMISSIONS: {sentence}**" in entry(route)["description"]
    assert sentence.lower() == EXPECTED[route].words


@pytest.mark.parametrize("route", OPERATIONS, ids="-".join)
def test_security_names_the_scopes_that_a_token_needs(route: tuple[str, str]) -> None:
    """The scopes of the table, and anonymous callers where the table has no scope."""
    security, scopes = entry(route)["security"], EXPECTED[route].scopes
    if scopes:
        assert security == [{"oauth2": sorted(scopes)}]
    else:
        assert security == [] or {} in security


@pytest.mark.parametrize("route", OPERATIONS, ids="-".join)
def test_each_refusal_is_shown(route: tuple[str, str]) -> None:
    """Every status that an operation can refuse with, in the form it has."""
    kinds = problems_of(OPERATIONS[route])
    responses = entry(route)["responses"]
    assert {str(kind.status) for kind in kinds} <= responses.keys()
    assert {"500", str(OPERATIONS[route].gives.status)} <= responses.keys()


@pytest.mark.parametrize("route", OPERATIONS, ids="-".join)
def test_times_are_sent_in_one_form(route: tuple[str, str]) -> None:
    """Every time in an answer is a Moment: UTC, with Z."""
    kind = OPERATIONS[route].gives.schema
    times = [field for field in kind().fields.values() if isinstance(field, DateTime)] if kind else []
    assert [field for field in times if not isinstance(field, Moment)] == []


def test_lists_in_forms_repeat_their_name() -> None:
    """The document says how lists are sent; without it, tools join the elements with commas."""
    found = {
        route: content[FORM].get("encoding", {}).keys()
        for route in OPERATIONS
        if FORM in (content := entry(route).get("requestBody", {}).get("content", {}))
    }
    lists = {
        route: {name for name, field in kind().fields.items() if isinstance(field, List)}
        for route in found
        if (kind := OPERATIONS[route].takes.body)
    }
    assert found == lists
    assert lists["POST", "/api/v1/auth/oauth2_clients"] == {"redirect_uris", "default_scopes", "grant_types"}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_an_example(name: str) -> None:
    """It is valid, and has what is required; nothing has to be invented from a pattern."""
    model = MODELS[name]
    invented = {
        field
        for field, shape in model.get("properties", {}).items()
        if "pattern" in shape and not re.fullmatch(shape["pattern"], shape.get("example", "\0"))
    }
    assert invented == set()
    OAS30Validator({**model, "components": DOCUMENT["components"]}).validate(model["example"])


def test_lists_that_are_counted_say_so() -> None:
    """Those that go only by cursor have no total, and promise none."""
    ours = {operation.name for operation in documented()}
    lists = [route for route, each in OPERATIONS.items() if each.gives.many and each.name in ours]
    uncounted = {
        route for route in lists if "X-Total-Count" not in entry(route)["responses"]["200"]["headers"]
    }
    assert {path for _, path in uncounted} == {
        "/api/v1/audit",
        "/api/v1/teams/{team_id}/invitations",
        "/api/v1/users/me/export",
        "/api/v1/users/me/invitations",
        "/api/v1/users/me/sessions",
        "/api/v1/users/me/teams",
    }


def test_parameters_that_may_be_missing_are_not_filled_in() -> None:
    """Pages take examples of parameters as values: a list would come back filtered by an id of nobody."""
    lists = [route for route in OPERATIONS if OPERATIONS[route].gives.many]
    filters = [each for route in lists for each in entry(route)["parameters"] if each.get("in") == "query"]
    assert [each["name"] for each in filters if "example" in each["schema"]] == []


@pytest.mark.parametrize("route", PATCHES, ids="-".join)
def test_a_patch_shows_its_policy(route: tuple[str, str]) -> None:
    """Which paths may be changed, and by whom."""
    rules = OPERATIONS[route].takes.patch
    assert rules
    assert set(entry(route)["x-patch-paths"]) == {f"/{name}" for name in rules}
    assert all(f"`/{name}`" in entry(route)["description"] for name in rules)


def test_model_names_are_alphanumeric() -> None:
    """API Gateway refuses others."""
    assert [name for name in MODELS if not name.isalnum()] == []


def test_operation_ids_are_distinct_names() -> None:
    """They become the methods of generated clients."""
    names = [entry(route)["operationId"] for route in OPERATIONS]
    assert len(set(names)) == len(names)
    assert all(name.isalnum() and name[0].islower() for name in names)


def test_what_is_created_links_to_what_it_takes_part_in() -> None:
    """The answer to a POST links to the operations that take the new id, and names the parameter."""
    ours = {operation.name for operation in documented()}
    found = {
        path: {
            name: link["parameters"]
            for name, link in created["links"].items()
            if re.sub("([A-Z])", r"_\1", link["operationId"]).lower() in ours
        }
        for path, methods in DOCUMENT["paths"].items()
        if "links" in (created := methods.get("post", {}).get("responses", {}).get("201", {}))
    }
    user, team = {"user_id": "$response.body#/id"}, {"team_id": "$response.body#/id"}
    member = {"team_id": "$request.path.team_id", "user_id": "$response.body#/user/id"}
    client = {"client_id": "$response.body#/client_id"}
    in_team = ("getTeam", "patchTeam", "deleteTeam")
    invitation = {"team_id": "$request.path.team_id", "invitation_id": "$response.body#/id"}
    expected = {
        "/api/v1/users": dict.fromkeys(("getUser", "patchUser", "deleteUser"), user),
        "/api/v1/teams": dict.fromkeys(
            (*in_team, "listMembers", "createMember", "listInvitations", "createInvitation"), team
        ),
        "/api/v1/teams/{team_id}/members": {"deleteMember": member},
        "/api/v1/teams/{team_id}/invitations": {
            "deleteInvitation": invitation,
            "inviter": {"user_id": "$response.body#/inviter_id"},
        },
        "/api/v1/auth/oauth2_clients": {
            **dict.fromkeys(
                ("getOauth2Client", "patchOauth2Client", "deleteOauth2Client", "rotateOauth2ClientSecret"),
                client,
            ),
            "user": {"user_id": "$response.body#/user_id"},
        },
    }
    assert {path: found[path] for path in expected} == expected


def test_an_answer_links_to_what_it_refers_to() -> None:
    """The id of another item leads to the operation that reads that item, in every answer of one item."""
    path = DOCUMENT["paths"]["/api/v1/auth/oauth2_clients/{client_id}"]
    links = [path[method]["responses"]["200"]["links"] for method in ("get", "patch")]
    owner = {"operationId": "getUser", "parameters": {"user_id": "$response.body#/user_id"}}
    assert links == [{"user": owner}] * 2


def test_the_licence_is_the_project_s() -> None:
    """The document names the license of the project."""
    assert DOCUMENT["info"]["license"]["name"] == "MIT"
    assert (ROOT / "LICENSE").read_text("utf-8").startswith("MIT License")


def test_the_scopes_are_described() -> None:
    """Every scope is described."""
    flows = DOCUMENT["components"]["securitySchemes"]["oauth2"]["flows"]
    assert {name: flow["scopes"] for name, flow in flows.items()} == {
        "authorizationCode": DESCRIPTIONS,
        "password": DESCRIPTIONS,
        "clientCredentials": DESCRIPTIONS,
    }


def test_the_grants_are_those_that_are_served() -> None:
    """The form of the token endpoint names every grant that there is."""
    assert set(MODELS["TokenForm"]["properties"]["grant_type"]["enum"]) == set(GRANTS)


@pytest.mark.parametrize(
    "base", ["https://api.grail.test", "https://x.execute-api.eu-west-1.amazonaws.com/dev"]
)
def test_addresses_are_those_of_the_stage(base: str) -> None:
    """The server is right behind a custom domain and behind a stage in the path."""
    document = build(application.api.operations, DESCRIPTIONS, base)
    flows = document["components"]["securitySchemes"]["oauth2"]["flows"]
    assert [server["url"] for server in document["servers"]] == [base]
    assert {flow["tokenUrl"] for flow in flows.values()} == {f"{base}/auth/oauth2/token"}


def test_the_version_is_the_project_s() -> None:
    """A client generated from the document says which release it is for."""
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text("utf-8")


@pytest.mark.parametrize("text", ["", "a", " a ", "é ñ", " ", "\u3000", "a\tb", "a\x85", "\x00", "a\u2028b"])
def test_the_pattern_of_texts_is_what_is_enforced(text: str) -> None:
    """A text that the document allows is accepted, and no other."""
    pattern = MODELS["TeamInput"]["properties"]["title"]["pattern"]
    flaws = Schema.from_dict({"it": Text(max_length=9)})().validate({"it": text})
    assert bool(re.fullmatch(pattern, text)) == (not flaws)
