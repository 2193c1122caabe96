"""What CloudFormation makes of a stage's template: the code of its SAM macro, run on the packaged one."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from samtranslator.translator.transform import transform

from tasks.cloud.deploy import locate, publish
from tasks.cloud.package import Runtime
from tasks.cloud.template import run_on
from tasks.engine import LOCAL
from tasks.environments import own_python
from tasks.processes import project_folder
from tasks.stages import INFRA, parameters_of
from tests.packages import packaged
from tests.tasks.test_template import STAGES, of_type

pytestmark = pytest.mark.slow
CODE = {"Bucket": "grail-packages-123456789012-eu-central-1", "Key": "code.zip"}
STAGE = "AWS::ApiGateway::Stage"
CHECKOV = project_folder() / "requirements-checkov.txt"
# Values that make every resource that there can be.
EVERYTHING = {
    "TableKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/0",
    "Stream": "yes",
    "SigningKeys": "kms",
    "AlarmEmail": "alarms@grail.test",
    "Tracing": "yes",
    "WebAcl": "yes",
    "DomainName": "api.grail.test",
    "HostedZoneId": "Z0",
    "MailIdentity": "grail.test",
}


class NoPolicies:
    """Managed policies by name, of which the template uses none."""

    def load(self) -> dict[str, str]:
        """Return their ARNs."""
        return {}


@pytest.fixture(scope="module", params=STAGES)
def name(request: pytest.FixtureRequest) -> str:
    """The name of each stage."""
    return str(request.param)


@pytest.fixture(scope="module")
def written(name: str) -> dict[str, Any]:
    """The template as it is uploaded."""
    found: dict[str, Any] = json.loads(packaged(name).template.read_text("utf-8"))
    run_on(found, Runtime.of(name))
    parameters = json.loads(parameters_of(name).read_text("utf-8"))
    publish(found["Resources"]["APIHandler"]["Properties"], parameters)
    for function in of_type(found, "AWS::Serverless::Function").values():
        function["Properties"]["CodeUri"] = CODE
    return found


@pytest.fixture(scope="module")
def made(written: dict[str, Any], name: str) -> dict[str, Any]:
    """The template as the macro leaves it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        found: dict[str, Any] = transform(json.loads(json.dumps(written)), {"Stage": name}, NoPolicies())
    return found


def the_only(document: dict[str, Any], kind: str) -> tuple[str, dict[str, Any]]:
    """The name and the properties of the only resource of a type."""
    ((logical_id, resource),) = of_type(document, kind).items()
    return logical_id, resource["Properties"]


def test_the_macro_adds_what_is_known_and_nothing_else(
    written: dict[str, Any], made: dict[str, Any], name: str
) -> None:
    """Unexpected resources would go unnoticed."""
    added = [each["Type"] for key, each in made["Resources"].items() if key not in written["Resources"]]
    rollout = ["AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"] if name == "prod" else []
    assert sorted(added) == [
        "AWS::ApiGateway::Deployment",
        STAGE,
        *rollout,
        *["AWS::Events::Rule"] * 2,
        "AWS::Lambda::Alias",
        "AWS::Lambda::EventSourceMapping",
        *["AWS::Lambda::Permission"] * 2,
        "AWS::Lambda::Version",
    ]
    kinds = {each["Type"] for each in made["Resources"].values()}
    assert [kind for kind in kinds if "::Serverless::" in kind] == []


def test_requests_reach_the_published_version_only(made: dict[str, Any]) -> None:
    """A rollout moves the alias; nothing calls the function past it."""
    alias, properties = the_only(made, "AWS::Lambda::Alias")
    assert (properties["Name"], properties["FunctionName"]) == ("live", {"Ref": "APIHandler"})
    body = the_only(made, "AWS::ApiGateway::RestApi")[1]["Body"]
    methods = [method for path in body["paths"].values() for method in path.values()]
    called = [method["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"][1] for method in methods]
    assert called == [{"Live": {"Ref": alias}}] * len(methods)


def test_prod_rolls_out_gradually_and_goes_back_by_the_alarm_of_its_alias(
    made: dict[str, Any], name: str
) -> None:
    """A tenth of the requests for five minutes; dev moves at once."""
    groups = [each["Properties"] for each in of_type(made, "AWS::CodeDeploy::DeploymentGroup").values()]
    assert len(groups) == (name == "prod")
    for group in groups:
        config = group["DeploymentConfigName"]["Fn::Sub"][1]["ConfigName"]
        assert config == "Canary10Percent5Minutes"
        assert group["AlarmConfiguration"]["Alarms"] == [{"Name": {"Ref": "LiveErrorsAlarm"}}]
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]


def test_each_change_publishes_a_version() -> None:
    """Of a parameter, too, which SAM sees only as a reference; no change publishes none."""
    function: dict[str, Any] = {"MemorySize": 1024}
    made = []
    for parameters in ({"Tracing": "no"}, {"Tracing": "no"}, {"Tracing": "yes"}):
        copy = dict(function)
        publish(copy, parameters)
        made.append(copy["AutoPublishCodeSha256"])
    assert made[0] == made[1] != made[2]


def test_another_domain_is_another_deployment_of_the_gateway(
    written: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own answers have the domain in them; without a new deployment they would keep the one of before."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    ids = []
    for parameters in ({}, {"DomainName": "api.one.test"}, {"DomainName": "api.two.test"}):
        copy = json.loads(json.dumps(written))
        locate(copy["Resources"]["RestAPI"]["Properties"]["DefinitionBody"], parameters)
        made = transform(copy, {"Stage": name}, NoPolicies())
        ids.append(the_only(made, "AWS::ApiGateway::Deployment")[0])
    assert len(set(ids)) == 3


def test_there_is_one_api_stage(made: dict[str, Any], name: str) -> None:
    """A deployment that names a stage creates one, beside those that are declared."""
    assert the_only(made, STAGE)[1]["StageName"] == name
    _, deployment = the_only(made, "AWS::ApiGateway::Deployment")
    assert deployment.keys() & {"StageName", "StageDescription"} == set()


def test_the_stage_is_throttled_logged_and_traced(made: dict[str, Any]) -> None:
    """Every method of the API's one stage."""
    stage = the_only(made, STAGE)[1]
    (settings,) = stage["MethodSettings"]
    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
    assert settings["ThrottlingRateLimit"] == {"Ref": "ThrottleRate"}
    assert settings["ThrottlingBurstLimit"] == {"Ref": "ThrottleBurst"}
    assert settings["MetricsEnabled"] is True
    assert stage["AccessLogSetting"]["DestinationArn"] == {"Fn::GetAtt": ["AccessLogs", "Arn"]}
    assert stage["TracingEnabled"] == {"Fn::If": ["Traces", True, False]}


def test_the_firewall_covers_the_stage(made: dict[str, Any]) -> None:
    """The one that there is."""
    stage, _ = the_only(made, STAGE)
    _, association = the_only(made, "AWS::WAFv2::WebACLAssociation")
    assert association["ResourceArn"]["Fn::Sub"].endswith(f"::/restapis/${{RestAPI}}/stages/${{{stage}}}")


def test_functions_are_invoked_by_the_stage_and_the_schedules(made: dict[str, Any]) -> None:
    """Not by another stage of the API, another rule, or another account."""
    permissions = {
        each["Properties"]["FunctionName"]["Ref"]: each["Properties"]
        for each in of_type(made, "AWS::Lambda::Permission").values()
    }
    stage, alias = the_only(made, STAGE)[0], the_only(made, "AWS::Lambda::Alias")[0]
    gateway = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}"
    assert {function: each["SourceArn"] for function, each in permissions.items()} == {
        alias: {"Fn::Sub": f"{gateway}:${{RestAPI}}/${{{stage}}}/*"},
        "CleanUp": {"Fn::GetAtt": ["CleanUpCleanUpEvent", "Arn"]},
        "SendLetters": {"Fn::GetAtt": ["SendLettersDueLetters", "Arn"]},
    }
    assert {each["Action"] for each in permissions.values()} == {"lambda:InvokeFunction"}


def test_every_role_has_the_boundary_that_the_account_may_have(made: dict[str, Any]) -> None:
    """The role that CloudFormation deploys as can create none without it."""
    boundary = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]}
    roles = of_type(made, "AWS::IAM::Role")
    assert [
        name for name, role in roles.items() if role["Properties"].get("PermissionsBoundary") != boundary
    ] == []


def test_the_api_answers_over_ipv4_and_ipv6(made: dict[str, Any]) -> None:
    """As its domain does, which may be the only way to it."""
    _, api = the_only(made, "AWS::ApiGateway::RestApi")
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"], "IpAddressType": "dualstack"}


def test_a_domain_closes_the_apis_own_address(made: dict[str, Any]) -> None:
    """API Gateway applies that with the next change of the stage, which the same parameter brings about."""
    _, api = the_only(made, "AWS::ApiGateway::RestApi")
    assert api["Body"]["x-amazon-apigateway-endpoint-configuration"] == {
        "disableExecuteApiEndpoint": {"Fn::If": ["HasDomain", True, False]}
    }
    assert the_only(made, STAGE)[1]["Variables"] == {
        "Fn::If": ["HasDomain", {"domain": {"Ref": "DomainName"}}, {"Ref": "AWS::NoValue"}]
    }


def test_cfn_lint_finds_nothing(made: dict[str, Any], tmp_path: Path) -> None:
    """No error and no warning in what the macro wrote either."""
    path = tmp_path / "made.json"
    path.write_text(json.dumps(made))
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - installed here
    assert (done.returncode, done.stdout) == (0, "")


def failures(folder: Path) -> list[tuple[str, str, str]]:
    """The policies of Checkov that templates of a folder violate: file, policy and resource."""
    checkov = own_python(LOCAL / "checkov", CHECKOV, "Checkov").with_name("checkov")
    options = ["--framework", "cloudformation", "--skip-download", "--quiet", "--compact", "--output", "json"]
    command = [str(checkov), "--directory", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - installed above
    found = json.loads(done.stdout)
    assert (found["summary"]["parsing_errors"], found["summary"]["passed"] > 0) == (0, True)
    failed = found["results"]["failed_checks"]
    return [(each["file_path"], each["check_id"], each["resource"]) for each in failed]


@pytest.fixture(scope="module")
def whole(made: dict[str, Any]) -> dict[str, Any]:
    """The template as the macro leaves it, with values that make every resource that there can be."""
    found: dict[str, Any] = json.loads(json.dumps(made))
    for parameter, value in EVERYTHING.items():
        found["Parameters"][parameter]["Default"] = value
    return found


def test_checkov_finds_nothing(
    written: dict[str, Any], made: dict[str, Any], whole: dict[str, Any], tmp_path: Path
) -> None:
    """No policy is violated but those that a resource excepts, before the macro and after it."""
    # the macro makes the stage of the same resource, and leaves its exceptions behind
    exceptions = {"Metadata": written["Resources"]["RestAPI"]["Metadata"]}
    for name, document in {"before": written, "after": made, "everything": whole}.items():
        stages = of_type(document, STAGE)
        resources = document["Resources"] | {key: each | exceptions for key, each in stages.items()}
        (tmp_path / f"{name}.json").write_text(json.dumps(document | {"Resources": resources}))
    assert failures(tmp_path) == []


def test_checkov_finds_nothing_in_what_templates_are_made_of() -> None:
    """Nor in stacks of their own, such as the one that prepares an account."""
    assert failures(INFRA) == []


def test_the_page_says_what_each_kind_of_resource_costs(made: dict[str, Any], name: str) -> None:
    """Those of an idle stage; prod has all."""
    page = (project_folder() / "docs" / "deploy.md").read_text("utf-8")
    table = page.partition("## What an idle stage costs")[2].partition("\n## ")[0]
    named = {f"AWS::{kind}" for kind in re.findall(r"`(\w+::\w+)`", table)}
    there = {each["Type"] for each in made["Resources"].values()}
    assert there <= named
    assert name != "prod" or named == there
