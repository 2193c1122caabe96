"""Authorization server metadata (RFC 8414): what is advertised is what works."""

from collections.abc import Callable
from typing import Any

import pytest

import app as application
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.grants.handlers import GRANTS
from chalicelib.scopes import SCOPES
from chalicelib.users.models import User
from tests.conftest import SECRET
from tests.http import Answer, Client
from tests.target import base_url, path_of

METADATA = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
CLAIMS = ("userinfo_endpoint", "subject_types_supported", "claims_supported")  # of OpenID Connect
ENDPOINTS = {
    "authorization_endpoint": "GET",
    "token_endpoint": "POST",
    "revocation_endpoint": "POST",
    "introspection_endpoint": "POST",
    "jwks_uri": "GET",
    "service_documentation": "GET",
}


@pytest.fixture
def document(api: Client) -> dict[str, Any]:
    """The metadata document."""
    answer: dict[str, Any] = api("GET", METADATA).json
    return answer


def call(api: Client, uri: str, method: str, authentication: str) -> Answer:
    """Call an endpoint as the service client, authenticated in one of the ways."""
    form = {"grant_type": "client_credentials", "token": "x"}
    path = path_of(uri)
    if authentication == "client_secret_basic":
        return api(method, path, form=form, basic=("service", SECRET))
    secret = {"client_secret": SECRET} if authentication == "client_secret_post" else {}
    return api(method, path, form={**form, "client_id": "service", **secret})


def test_the_issuer_is_that_of_the_tokens(document: dict[str, Any]) -> None:
    """Behaviour 32: exact, without a slash."""
    assert document["issuer"] == base_url()


@pytest.mark.parametrize(("name", "method"), ENDPOINTS.items())
def test_each_endpoint_is_a_route(document: dict[str, Any], name: str, method: str) -> None:
    """Behaviour 32: and lies under the issuer."""
    path = path_of(document[name])
    assert method in application.api.operations[path]


def test_the_grants_are_those_that_are_served(document: dict[str, Any]) -> None:
    """Behaviour 32: no more and no less."""
    assert sorted(document["grant_types_supported"]) == sorted(GRANTS)


def test_the_scopes_are_those_there_are(document: dict[str, Any]) -> None:
    """Behaviour 32: all of them."""
    assert document["scopes_supported"] == sorted(SCOPES)


def test_codes_need_s256(document: dict[str, Any]) -> None:
    """Behaviour 32: only S256, and iss in the response (RFC 9207 §3)."""
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert (document["response_types_supported"], document["response_modes_supported"]) == (
        ["code"],
        ["query"],
    )


@pytest.mark.parametrize("endpoint", ["token", "revocation", "introspection"])
def test_client_authentication_is_as_advertised(
    api: Client, document: dict[str, Any], service: OAuth2Client, user: User, endpoint: str
) -> None:
    """Behaviour 32: each method that is named works, at the endpoint that names it."""
    methods = document[f"{endpoint}_endpoint_auth_methods_supported"]
    uri = document[f"{endpoint}_endpoint"]
    working = [name for name in methods if name != "none"]
    assert [call(api, uri, "POST", name).status for name in working] == [200] * len(working)
    assert call(api, uri, "POST", "none").status == 401  # a confidential client has to


def test_public_clients_are_told_where_they_are_welcome(
    api: Client, document: dict[str, Any], documentation: OAuth2Client
) -> None:
    """Behaviour 32: "none" is advertised where a public client is served."""
    form = {"client_id": "documentation", "token": "x", "grant_type": "x"}
    for endpoint in ("token", "revocation", "introspection"):
        answer = api("POST", path_of(document[f"{endpoint}_endpoint"]), form=form)
        is_welcome = "none" in document[f"{endpoint}_endpoint_auth_methods_supported"]
        assert (answer.status != 401) is is_welcome, endpoint


def test_libraries_for_openid_connect_find_it_too(api: Client) -> None:
    """RFC 8414 §5: the same document at the address of OpenID Connect, claiming nothing of that."""
    document = api("GET", OPENID).json
    assert document == api("GET", METADATA).json
    assert [name for name in document if "id_token" in name or name in CLAIMS] == []


@pytest.mark.parametrize("path", [METADATA, OPENID])
def test_everybody_may_read_and_keep_it(api: Client, make_user: Callable[..., User], path: str) -> None:
    """RFC 8414 §3: a client may be a page of another origin."""
    answer = api("GET", path, headers={"Origin": "http://localhost:3000"})
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
