"""The distribution of infra/edge.yaml, and the function that runs in it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from chalice.package import YAMLTemplateSerializer

from chalicelib.security.keys import EDGE_SECRET_LENGTH
from chalicelib.web.call import EDGE_SECRET, EDGE_VIEWER
from tasks.stages import INFRA

PATH = INFRA / "edge.yaml"
TEMPLATE: dict[str, Any] = YAMLTemplateSerializer().load_template(PATH.read_text("utf-8"), str(PATH))
RESOURCES = {name: each["Properties"] for name, each in TEMPLATE["Resources"].items()}
CONFIG = RESOURCES["Distribution"]["DistributionConfig"]
REMAPPED = "x-amzn-remapped-www-authenticate"
TYPE = [{"key": "Content-Type", "value": "application/problem+json"}]


def handle(headers: dict[str, Any]) -> dict[str, Any]:
    """Run the function as CloudFront does for an answer of the origin, and return its headers."""
    space: dict[str, Any] = {}
    exec(RESOURCES["Rename"]["Code"]["ZipFile"], space)  # noqa: S102 - the code that the template deploys
    response = {"status": "401", "statusDescription": "Unauthorized", "headers": headers}
    event = {
        "Records": [{"cf": {"config": {"eventType": "origin-response"}, "request": {}, "response": response}}]
    }
    made: dict[str, Any] = space["handler"](event, None)
    assert made.keys() == {"status", "statusDescription", "headers"}
    assert made["status"] == "401"
    found: dict[str, Any] = made["headers"]
    return found


def test_the_challenge_gets_its_name_back() -> None:
    """All of them, and nothing else changes."""
    told = [
        {"key": "x-amzn-Remapped-WWW-Authenticate", "value": each} for each in ("Bearer", 'Basic realm="r"')
    ]
    assert handle({REMAPPED: told, "content-type": TYPE}) == {
        "content-type": TYPE,
        "www-authenticate": [
            {"key": "WWW-Authenticate", "value": "Bearer"},
            {"key": "WWW-Authenticate", "value": 'Basic realm="r"'},
        ],
    }


@pytest.mark.parametrize("headers", [{}, {"content-type": TYPE}])
def test_an_answer_without_a_challenge_stays_as_it_is(headers: dict[str, Any]) -> None:
    """Nearly all of them."""
    assert handle(dict(headers)) == headers


def test_the_distribution_runs_the_function_on_each_answer_and_keeps_none() -> None:
    """CloudFront's own functions do not run for errors, and no cache tells tokens apart."""
    behavior = CONFIG["DefaultCacheBehavior"]
    assert "CacheBehaviors" not in CONFIG
    (association,) = behavior["LambdaFunctionAssociations"]
    assert association == {"EventType": "origin-response", "LambdaFunctionARN": {"Ref": "RenameVersion1"}}
    assert RESOURCES["RenameVersion1"] == {"FunctionName": {"Ref": "Rename"}}
    assert behavior["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    assert set(behavior["AllowedMethods"]) > {"PATCH", "DELETE", "OPTIONS"}


def test_the_stage_gets_the_headers_that_it_looks_at() -> None:
    """The secret, the viewer's address, and all that the viewer sends."""
    (origin,) = CONFIG["Origins"]
    (secret,) = origin["OriginCustomHeaders"]
    assert (secret["HeaderName"].lower(), secret["HeaderValue"]) == (EDGE_SECRET, {"Ref": "Secret"})
    headers = RESOURCES["Everything"]["OriginRequestPolicyConfig"]["HeadersConfig"]
    assert headers["HeaderBehavior"] == "allViewerAndWhitelistCloudFront"
    assert [name.lower() for name in headers["Headers"]] == [EDGE_VIEWER]
    parameter = TEMPLATE["Parameters"]["Secret"]
    assert (parameter["NoEcho"], parameter["MinLength"]) == (True, EDGE_SECRET_LENGTH)


def test_cfn_lint_finds_nothing() -> None:
    """In the only region that takes the template."""
    linter = str(Path(sys.executable).with_name("cfn-lint"))
    command = [linter, "--regions", "us-east-1", "--template", str(PATH)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - installed here
    assert (done.returncode, done.stdout) == (0, "")
