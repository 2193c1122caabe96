"""`invoke openapi.export`: the document as a file, and in the form that API Gateway imports."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from openapi_spec_validator import validate

import app as application
from chalicelib.settings import LOCAL_URL
from chalicelib.web.media import FORM, JSON
from chalicelib.web.responses import SECURITY_HEADERS
from tasks.apigateway import ANSWERS
from tasks.errors import TaskError
from tasks.openapi import export
from tests.architecture.source import ROOT

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:grail"
ROUTES = {(method, path) for path, methods in application.app.routes.items() for method in methods}


@pytest.fixture(scope="module")
def gateway() -> dict[str, Any]:
    """The document for API Gateway."""
    document: dict[str, Any] = json.loads(export("json", "apigateway", function=FUNCTION))
    return document


def test_both_formats_hold_the_same() -> None:
    """Json or yaml."""
    assert yaml.safe_load(export("yaml")) == json.loads(export("json"))


def test_yaml_has_no_aliases() -> None:
    """Importers such as API Gateway's read plain YAML."""
    assert not any(isinstance(token, yaml.AliasToken) for token in yaml.scan(export("yaml", "apigateway")))


@pytest.mark.parametrize("target", ["", "apigateway"])
def test_what_is_exported_is_valid(target: str) -> None:
    """What is added for a target leaves a valid document."""
    validate(json.loads(export("json", target, function=FUNCTION)))


def test_the_url_is_asked_for_or_the_local_one() -> None:
    """A generated client knows where to go."""
    servers = [json.loads(export("json", url=url))["servers"] for url in ("https://api.grail.test/", "")]
    assert [[each["url"] for each in few] for few in servers] == [["https://api.grail.test"], [LOCAL_URL]]


@pytest.mark.parametrize(
    ("form", "target", "function"), [("xml", "", ""), ("json", "x", ""), ("json", "", "f")]
)
def test_what_is_not_known_is_refused(form: str, target: str, function: str) -> None:
    """A mistyped option writes nothing."""
    with pytest.raises(TaskError, match="--"):
        export(form, target, function=function)


@pytest.mark.parametrize(("version", "target"), [("3.2", ""), ("3.1", "apigateway")])
def test_a_version_that_is_not_known_or_not_imported_is_refused(version: str, target: str) -> None:
    """API Gateway imports 3.0 only."""
    with pytest.raises(TaskError, match="--version"):
        export("json", target, version=version)


def test_the_task_writes_a_file(tmp_path: Path) -> None:
    """`invoke openapi.export --format yaml --version 3.1 --output FILE`."""
    output = tmp_path / "openapi.yaml"
    options = ["--format", "yaml", "--version", "3.1", "--output", str(output)]
    command = [sys.executable, "-m", "invoke", "openapi.export", *options]
    done = subprocess.run(  # noqa: S603 - this very interpreter, with arguments that stand here
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert yaml.safe_load(output.read_text("utf-8"))["openapi"] == "3.1.1"


def test_every_method_invokes_the_function(gateway: dict[str, Any]) -> None:
    """A Lambda proxy integration for each route of the app, OPTIONS included."""
    found = {
        (method.upper(), path): entry["x-amazon-apigateway-integration"]
        for path, methods in gateway["paths"].items()
        for method, entry in methods.items()
    }
    assert set(found) == ROUTES
    assert {(each["type"], each["httpMethod"]) for each in found.values()} == {("aws_proxy", "POST")}
    assert {each["uri"].count(FUNCTION) for each in found.values()} == {1}


def test_a_template_names_the_function_by_itself() -> None:
    """Without an ARN the document is the body of an API in `chalice package`'s template."""
    text = export("json", "apigateway")
    assert text.count("${APIHandler.Arn}") == len(ROUTES)


def test_references_are_to_models_alone(gateway: dict[str, Any]) -> None:
    """API Gateway's import resolves no others."""
    text = json.dumps(gateway)
    assert text.count('"$ref"') == text.count('"$ref": "#/components/schemas/')
    assert set(gateway["components"]) == {"schemas"}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_gateway_answers_with_problems(gateway: dict[str, Any], name: str) -> None:
    """Behaviour 51, 52: in our form, with the headers that every answer has."""
    answer = gateway["x-amazon-apigateway-gateway-responses"][name]
    problem = json.loads(answer["responseTemplates"]["application/json"])
    headers = answer["responseParameters"]
    assert (str(problem["status"]), problem["title"]) == (answer["statusCode"], ANSWERS[name].title)
    assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    assert headers["gatewayresponse.header.X-Content-Type-Options"] == "'nosniff'"
    assert all(value[0] == value[-1] == "'" for value in headers.values())


def test_the_gateways_headers_are_those_of_the_application(gateway: dict[str, Any]) -> None:
    """Between the outer quotes API Gateway takes every character as it stands, quotes included."""
    for answer in gateway["x-amazon-apigateway-gateway-responses"].values():
        headers = answer["responseParameters"]
        for name, text in SECURITY_HEADERS.items():
            assert headers[f"gatewayresponse.header.{name}"] == f"'{text}'"
        assert "\\" not in "".join(headers.values())


def test_bodies_that_may_be_json_are_json_only_on_request() -> None:
    """openapi-python-client cannot import a client where a body has two forms."""
    whole, plain = (json.loads(export("json", json_only=wanted)) for wanted in (False, True))

    def bodies(document: dict[str, Any]) -> dict[tuple[str, str], set[str]]:
        return {
            (path, method): set(operation["requestBody"]["content"])
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if "requestBody" in operation
        }

    before, after = bodies(whole), bodies(plain)
    both = {JSON, FORM}
    assert any(types >= both for types in before.values())
    assert after == {key: types - {FORM} if JSON in types else types for key, types in before.items()}


def test_an_unknown_path_is_404(gateway: dict[str, Any]) -> None:
    """Behaviour 51: API Gateway calls it a missing token, and would say 403."""
    answers = gateway["x-amazon-apigateway-gateway-responses"]
    assert answers["MISSING_AUTHENTICATION_TOKEN"]["statusCode"] == "404"


def test_binary_types_and_compression_are_those_of_a_deploy(gateway: dict[str, Any]) -> None:
    """What is imported serves as what Chalice deploys."""
    assert gateway["x-amazon-apigateway-binary-media-types"] == application.app.api.binary_types
    assert gateway["x-amazon-apigateway-minimum-compression-size"] == 1024


def test_the_import_loses_nothing(gateway: dict[str, Any]) -> None:
    """An imported API has the resources and methods of the app's routes."""
    client: Any = boto3.client("apigateway", region_name="eu-west-1")
    made = client.import_rest_api(failOnWarnings=True, body=json.dumps(gateway).encode())
    resources = client.get_resources(restApiId=made["id"], limit=500)["items"]
    client.delete_rest_api(restApiId=made["id"])
    found = {(method, each["path"]) for each in resources for method in each.get("resourceMethods", {})}
    assert found == ROUTES
