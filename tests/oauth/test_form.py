"""How parameters and client credentials are read from a request, without any table."""

import base64
import json
from urllib.parse import urlencode

import pytest

from chalicelib.errors import ApiError
from chalicelib.oauth.clients.authenticate import ClientCredentials
from chalicelib.oauth.errors import InvalidClientError, InvalidRequestError
from chalicelib.oauth.form import read_credentials, read_parameters, render_oauth_error
from chalicelib.settings import LOCAL_URL
from chalicelib.web.call import Request
from tests.http import FORM, JSON


def request(
    body: bytes | None = b"", query: str = "", content_type: str | None = FORM, **headers: str
) -> Request:
    """A POST as the gateway hands it over."""
    sent = {**headers, **({"content-type": content_type} if content_type is not None else {})}
    return Request(
        method="POST",
        path="/auth/oauth2/token",
        headers=sent,
        query={name: ["x"] for name in query.split()},
        body=body,
        source="203.0.113.7",
        request_id="1",
        base_url=LOCAL_URL,
    )


def credentials(authorization: str | None = None, **parameters: str) -> ClientCredentials:
    """Read who sends a request."""
    sent = request() if authorization is None else request(authorization=authorization)
    return read_credentials(sent, parameters)


def refused(sent: Request, words: str | None = None) -> None:
    """Read a form that is refused, as clients are told it."""
    with pytest.raises(ApiError, match=words) as caught:
        read_parameters(sent)
    answer = render_oauth_error(sent, caught.value)
    assert (answer.status, json.loads(answer.value)["error"]) == (400, "invalid_request")


def basic(text: bytes) -> str:
    """HTTP Basic with any bytes."""
    return "Basic " + base64.b64encode(text).decode()


@pytest.mark.parametrize(
    ("body", "parameters"),
    [
        (b"", {}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=&b=2", {"b": "2"}),
        (b"a", {}),
        (b"a=1&", {"a": "1"}),
        (b"a=x+y%20z%2B", {"a": "x y z+"}),
        ("a=é&b=%C3%A9".encode(), {"a": "é", "b": "é"}),
        (b"a=1=2", {"a": "1=2"}),
        (b"a=1;b=2", {"a": "1;b=2"}),
        (b"A=1&a=2", {"A": "1", "a": "2"}),
        (b"a=%00", {"a": "\x00"}),
        (urlencode({"a": "x" * 8192}).encode(), {"a": "x" * 8192}),
    ],
)
def test_a_form_is_read_as_it_was_written(body: bytes, parameters: dict[str, str]) -> None:
    """Behaviour 2: one value a name, empty ones count as omitted."""
    assert read_parameters(request(body)) == parameters


@pytest.mark.parametrize(
    "body",
    [
        b"a=1&a=2",
        b"a=1&a=1",
        b"a=1&a=",
        b"a=&a=",
        b"a=1&%61=2",
        b"a=\xff",
        b"a=%FF",
        b"a=%ED%A0%80",
        b"a=%",
        b"%=1",
        b"a=%G1",
        b"a=" + b"x" * 8193,
        b"&".join([b"a=1"] * 2000),
    ],
    ids=lambda body: f"{body[:12]!r} {len(body)}",
)
def test_a_form_that_is_not_clear_is_refused(body: bytes) -> None:
    """Behaviour 2: doubles, bad encoding and endless values are invalid_request."""
    refused(request(body))


def test_a_body_that_is_broken_is_refused() -> None:
    """Behaviour 2: base64 that does not decode."""
    refused(request(None), "The body")


@pytest.mark.parametrize(
    "content_type", [None, "", JSON, "text/plain", "multipart/form-data", f"x{FORM}", f"{FORM}x"]
)
def test_another_content_type_is_refused(content_type: str | None) -> None:
    """Behaviour 2: parameters come as a form and as nothing else."""
    refused(request(b"a=1", content_type=content_type), FORM)


@pytest.mark.parametrize("content_type", [FORM.upper(), f"{FORM};charset=utf-8", f" {FORM} ; x=y"])
def test_spellings_of_the_content_type_are_fine(content_type: str) -> None:
    """Behaviour 51: media types ignore case, and may have any parameters."""
    assert read_parameters(request(b"a=1", content_type=content_type)) == {"a": "1"}


@pytest.mark.parametrize(
    "name", ["client_secret", "password", "refresh_token", "code", "code_verifier", "token", "grant_type"]
)
def test_what_belongs_in_the_body_is_refused_in_the_url(name: str) -> None:
    """Behaviour 2: URLs end in logs."""
    with pytest.raises(InvalidRequestError):
        read_parameters(request(b"a=1", query=name))


def test_other_names_in_the_url_are_ignored() -> None:
    """Behaviour 2: unknown parameters are ignored, and never read from the URL."""
    assert read_parameters(request(b"a=1", query="utm_source scope")) == {"a": "1"}


@pytest.mark.parametrize(
    ("text", "client_id", "secret"),
    [
        (b"id:secret", "id", "secret"),
        (b"id:", "id", None),
        (b"id:a:b", "id", "a:b"),
        (b"%69d:%3A%25", "id", ":%"),
        (b"id:a+b", "id", "a b"),
        (b"id:a%2Bb", "id", "a+b"),
        (b"id:%C3%A9", "id", "é"),
        ("id:é".encode(), "id", "é"),
        (b"id:100%", "id", "100%"),
    ],
)
def test_basic_is_decoded_as_rfc_6749_has_it(text: bytes, client_id: str, secret: str | None) -> None:
    """Behaviour 10: base64, UTF-8, the first colon, then percent-encoding of both parts."""
    assert credentials(basic(text)) == ClientCredentials(client_id, secret)


@pytest.mark.parametrize("scheme", ["basic", "BASIC", "Basic", "Basic  "])
def test_the_scheme_has_no_case(scheme: str) -> None:
    """RFC 9110 §11.1."""
    assert credentials(f"{scheme} {base64.b64encode(b'id:x').decode()}").client_id == "id"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !",
        "Basic aWQ6eA",
        "Basic é",
        "Basic a=b=",
        "Basic aWQ6*eA==",
        "Bearer x",
        "Digest x",
        "aWQ6eA==",
        *(basic(text) for text in (b"", b":", b":secret", b"id", b"id:\xff", b"id:%FF", b"%FF:x", b"\xc3:x")),
    ],
)
def test_a_header_that_cannot_be_read_is_no_authentication(header: str) -> None:
    """Behaviour 10: broken base64 or UTF-8 is invalid_client, never another exception."""
    with pytest.raises(InvalidClientError):
        credentials(header)


def test_nobody_is_no_client() -> None:
    """Behaviour 8: a request without client_id authenticates nobody."""
    with pytest.raises(InvalidClientError, match="HTTP Basic"):
        credentials(client_secret="secret")


@pytest.mark.parametrize(
    "parameters", [{"client_secret": "x"}, {"client_id": "id", "client_secret": "x"}, {"client_id": "other"}]
)
def test_two_methods_at_once_are_refused(parameters: dict[str, str]) -> None:
    """Behaviour 9: the header or the form, never both."""
    with pytest.raises(InvalidRequestError):
        credentials(basic(b"id:x"), **parameters)


def test_a_secret_is_not_printed() -> None:
    """Behaviour 56: credentials that end in a log by accident do not show the secret."""
    assert "hush" not in repr(credentials(basic(b"id:hush")))
