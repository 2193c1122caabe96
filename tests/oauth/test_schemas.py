"""How the document describes OAuth2's own forms and answers, for people and for generated clients."""

import re
from typing import Any

import pytest

from chalicelib.oauth.clients.models import GRANT_TYPES
from chalicelib.oauth.clients.schemas import ClientRegistrationInputSchema
from chalicelib.oauth.grants.handlers import GRANTS
from chalicelib.scopes import SCOPES
from chalicelib.web.form import MAX_VALUE
from tests.spec import DOCUMENT

MODELS = DOCUMENT["components"]["schemas"]
FORMS = ("IntrospectionForm", "RevocationForm", "TokenForm")
SECRETS = {"client_secret", "code", "code_verifier", "password", "refresh_token", "token"}


def fields_of(model: str) -> dict[str, Any]:
    """The fields of a model by name."""
    found: dict[str, Any] = MODELS[model]["properties"]
    return found


@pytest.mark.parametrize("form", FORMS)
def test_what_is_secret_is_shown_as_such(form: str) -> None:
    """Tools hide what is typed into a field of format password; its length is what is enforced."""
    fields = fields_of(form)
    secret = {name for name, field in fields.items() if field.get("format") == "password"}
    assert secret == SECRETS & fields.keys()
    assert {fields[name]["maxLength"] for name in secret} == {MAX_VALUE}


@pytest.mark.parametrize("form", FORMS)
def test_fields_are_explained_in_sentences(form: str) -> None:
    """Each field of a form has a description."""
    told = {name: field["description"] for name, field in fields_of(form).items() if name != "grant_type"}
    odd = {name: text for name, text in told.items() if not text.endswith(".") or text.isupper()}
    assert odd == {}
    shared = ("client_id", "client_secret", "token", "token_type_hint")
    assert [name for name in shared if not told.get(name, "A")[0].isupper()] == []


@pytest.mark.parametrize(
    ("form", "client"), [("IntrospectionForm", "service"), ("RevocationForm", "documentation")]
)
def test_a_form_about_a_token_needs_it_alone(form: str, client: str) -> None:
    """RFC 7009 §2.1, RFC 7662 §2.1: the token is required, the hint is not; the rest is the client's."""
    fields = fields_of(form)
    assert MODELS[form]["required"] == ["token"]
    assert (fields["token"]["minLength"], fields["token"]["example"]) == (1, "the token")
    assert fields["token_type_hint"]["maxLength"] == MAX_VALUE
    assert (fields["client_id"]["maxLength"], fields["client_id"]["example"]) == (64, client)


def test_the_metadata_promise_what_may_be_in_them() -> None:
    """RFC 8414: lists have what is served, and nothing beside it."""
    lists = {name: field for name, field in fields_of("ServerMetadata").items() if field["type"] == "array"}
    scope = re.compile(lists.pop("scopes_supported")["items"]["pattern"])
    assert all(scope.fullmatch(name) for name in SCOPES)
    assert lists["grant_types_supported"]["items"] == {"type": "string", "enum": list(GRANT_TYPES)}
    odd = {name: field for name, field in lists.items() if field["maxItems"] != len(field["items"]["enum"])}
    assert odd == {}


@pytest.mark.parametrize("name", ["n", "e", "x", "y"])
def test_numbers_of_keys_are_base64url(name: str) -> None:
    """RFC 7518 §6: which of them a key has, its type decides."""
    number = fields_of("Jwk")[name]
    assert (number["pattern"], number["maxLength"]) == ("^[A-Za-z0-9_-]*$", 2731)
    assert (name in MODELS["Jwk"]["required"], number["description"][-1]) == (False, ".")


@pytest.mark.parametrize(
    ("name", "known", "example"),
    [
        ("default_scopes", tuple(SCOPES), ["teams:read"]),
        ("grant_types", GRANT_TYPES, ["authorization_code", "refresh_token"]),
    ],
)
def test_a_client_s_names_are_known_ones(name: str, known: tuple[str, ...], example: list[str]) -> None:
    """An unknown or repeated value is refused; the message lists the valid ones."""
    items = {"type": "string", "enum": list(known)}
    shown = {"type": "array", "items": items, "example": example, "uniqueItems": True, "maxItems": len(known)}
    assert fields_of("ClientRegistrationInput")[name] == shown
    flaws: Any = ClientRegistrationInputSchema().validate({name: ["x"]})
    assert flaws == {name: {0: [f"Must be one of {', '.join(known)}."]}}
    assert ClientRegistrationInputSchema().validate({name: [known[0], known[0]]}).keys() == {name}


def test_every_grant_type_is_served() -> None:
    """Registration and metadata name the grants that the token endpoint has."""
    assert set(GRANTS) == set(GRANT_TYPES)
