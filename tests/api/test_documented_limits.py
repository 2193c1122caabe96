"""Lengths and numbers that the OpenAPI document names are enforced, and what is answered keeps to them."""

from collections.abc import Iterator
from typing import Any

import pytest
from chalice.app import Chalice

import app as application
from chalicelib.settings import LOCAL_URL, Settings
from chalicelib.teams.schemas import TeamInputSchema
from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.endpoint import Api
from chalicelib.web.openapi.document import build
from chalicelib.web.operation import Operation, Takes
from tests.api.world import BODIES, World, open_world
from tests.http import JSON, Answer, Client, InProcess
from tests.spec import DOCUMENT

MODELS = DOCUMENT["components"]["schemas"]
FORMS = {"/auth/oauth2/token": "TokenForm", "/auth/oauth2/revoke": "RevocationForm"}
CREATIONS = {
    "/api/v1/users": "SignUp",
    "/api/v1/teams": "TeamInput",
    "/api/v1/auth/oauth2_clients": "ClientRegistrationInput",
    "/api/v1/teams/{team_id}/members": "MemberInput",
}
TYPE = {"Content-Type": JSON}
LISTS = ("/api/v1/users", "/api/v1/teams", "/api/v1/teams/{team_id}/members", "/api/v1/auth/oauth2_clients")


@pytest.fixture(scope="module")
def everybody(settings: Settings) -> Iterator[World]:
    """Everybody, once."""
    with open_world(settings) as made:
        yield made


@pytest.fixture
def world(everybody: World) -> Iterator[World]:
    """Everybody, as they were."""
    yield everybody
    everybody.restore()


def limited(model: str, word: str = "maxLength") -> list[str]:
    """List the properties of a model that have a limit."""
    return [name for name, schema in MODELS[model]["properties"].items() if word in schema]


def send(world: World, method: str, path: str, data: Any = None, **more: Any) -> Answer:
    """Send a request as the admin."""
    token = world.token("admin")
    return world.api(method, path.format(team_id=world.team.id), token=token, data=data, **more)


@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for path, model in CREATIONS.items() for name in limited(model)]
)
def test_a_text_that_is_too_long_is_refused(world: World, path: str, name: str) -> None:
    """API4: one character more than the document allows, and 422 says where."""
    most = MODELS[CREATIONS[path]]["properties"][name]["maxLength"]
    body = {**BODIES.get(("POST", path.rsplit("/", 1)[1]), {}), name: "a" * (most + 1)}
    answer = send(world, "POST", path, body)
    assert (answer.status, f"/{name}" in {each["pointer"] for each in answer.json["errors"]}) == (422, True)


@pytest.mark.parametrize("name", limited("ClientRegistrationInput", "maxItems"))
def test_a_list_that_is_too_long_is_refused(world: World, name: str) -> None:
    """API4: one element more than the document allows is 422."""
    most = MODELS["ClientRegistrationInput"]["properties"][name]["maxItems"]
    uris = [f"https://app.test/{number}" for number in range(most + 1)]
    answer = send(world, "POST", "/api/v1/auth/oauth2_clients", {name: uris})
    assert (answer.status, answer.json["errors"][0]["pointer"].split("/")[1]) == (422, name)


@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for path, model in FORMS.items() for name in limited(model)]
)
def test_a_parameter_that_is_too_long_is_refused(world: World, path: str, name: str) -> None:
    """API4: the OAuth2 endpoints never answer with success; which error it is, RFC 6749 §5.2 says."""
    most = MODELS[FORMS[path]]["properties"][name]["maxLength"]
    form = {"grant_type": "password", "client_id": "documentation", "username": "ada", "password": "w"}
    answer = world.api("POST", path, form={"token": "t", **form, name: "a" * (most + 1)})
    assert answer.status in (400, 401)


@pytest.mark.in_process("serves an operation of its own")
def test_the_size_of_a_body_is_documented(settings: Settings) -> None:
    """API4: 64 KiB; the document says it, and a byte more is 413."""
    operation = Operation(access=Access(PUBLIC), takes=Takes(body=TeamInputSchema))(lambda call: call.body)
    app = Chalice(app_name="sized")
    Api(app, settings, application.api.keystore, application.api.authenticator).route("POST", "/x", operation)
    size, raw = 65_536, b'{"title": "Engines"}'
    found = [
        Client(InProcess(app))("POST", "/x", raw=raw.ljust(size + more), headers=TYPE) for more in (0, 1)
    ]
    assert [answer.status for answer in found] == [200, 413]
    document = build({"/x": {"POST": operation}}, {}, LOCAL_URL)
    name = document["paths"]["/x"]["post"]["responses"]["413"]["$ref"].rpartition("/")[2]
    shown = document["components"]["responses"][name]["content"]["application/problem+json"]["examples"]
    assert shown["payload-too-large"]["value"]["detail"] == found[1].json["detail"]
    assert f"{size:,} bytes" in found[1].json["detail"]


def beyond(schema: dict[str, Any]) -> str:
    """Return what is one more than a parameter may be, or none of what it may be."""
    if "enum" in schema:
        return f"{schema['enum'][0]}x"
    return "a" * (schema["maxLength"] + 1) if "maxLength" in schema else str(schema["maximum"] + 1)


@pytest.mark.parametrize("path", LISTS)
def test_a_query_parameter_beyond_its_limit_is_refused(world: World, path: str) -> None:
    """API4: one more than the document allows is 422 and names the parameter."""
    for parameter in DOCUMENT["paths"][path]["get"]["parameters"]:
        if parameter.get("in") == "query":
            schema = parameter["schema"]
            value = beyond(schema)
            answer = send(world, "GET", f"{path}?{parameter['name']}={value}")
            named = {each["parameter"] for each in answer.json["errors"]}
            assert (answer.status, parameter["name"] in named) == (422, True)


def test_if_match_that_is_too_long_names_no_version(world: World) -> None:
    """API4: it is 412, though the present version stands in it."""
    present = send(world, "GET", "/api/v1/teams/{team_id}").headers["etag"]
    tags = ", ".join([present] * 2000)
    patch = [{"op": "replace", "path": "/title", "value": "Looms"}]
    assert len(tags) > next(
        each["schema"]["maxLength"]
        for each in DOCUMENT["components"]["parameters"].values()
        if each["name"] == "If-Match"
    )
    answer = send(world, "PATCH", "/api/v1/teams/{team_id}", patch, headers={"If-Match": tags})
    assert answer.status == 412


def test_a_hundred_violations_are_told(world: World) -> None:
    """API4: an answer does not grow with what is wrong."""
    body = {f"field{number}": number for number in range(101)}
    answer = send(world, "POST", "/api/v1/teams", body)
    assert len(answer.json["errors"]) == MODELS["Problem"]["properties"]["errors"]["maxItems"] == 100


@pytest.mark.parametrize("path", ["/is_internal/\r\n{}", "/first_name/\x00{}", "/\u2028{}"])
def test_what_a_message_repeats_is_short_and_harmless(world: World, path: str) -> None:
    """Behaviour 50: no control characters, and no more than the beginning, of what was sent."""
    patch = [{"op": "replace", "path": path.format("x" * 5000), "value": "Ada"}]
    me = world.users["admin"].id
    answer = send(world, "PATCH", f"/api/v1/users/{me}", patch)
    assert 400 <= answer.status < 500
    assert (answer.json["detail"].isprintable(), len(answer.json["detail"]) < 300) == (True, True)


def test_a_form_s_field_is_repeated_harmlessly(world: World) -> None:
    """Behaviour 50: also where a name is what is wrong."""
    name = b"%0D%0A" + b"x" * 5000
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = send(world, "POST", "/api/v1/teams", raw=name + b"=1&" + name + b"=2", headers=headers)
    assert (answer.status, answer.json["detail"].isprintable()) == (400, True)
    assert len(answer.json["detail"]) < 300
