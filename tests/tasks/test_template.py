"""The template of a stage, as it is deployed: what it promises about data, logs, alarms and permissions."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.db.table import Item, ListingIndex
from chalicelib.settings import Settings
from chalicelib.telemetry.metrics import METRICS, NAMESPACE
from tasks.apigateway import ANSWERS
from tasks.cloud import template
from tasks.cloud.package import Runtime
from tasks.stages import parameters_of, settings_of
from tests.packages import packaged

pytestmark = pytest.mark.slow
STAGES = ("dev", "prod")
SIGN_IN = "/auth/oauth2"
# X-Ray has no resources that a policy could name (Service Authorization Reference).
ATTRIBUTES = [{"Fn::GetAtt": ["Table", name]} for name in ("Arn", "StreamArn")]
WITHOUT_RESOURCES = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


@pytest.fixture(scope="module", params=STAGES)
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The template of each stage."""
    found: dict[str, Any] = json.loads(packaged(request.param).template.read_text("utf-8"))
    return found


def of_type(document: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a type, by name."""
    return {name: each for name, each in document["Resources"].items() if each["Type"] == kind}


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Every statement of every policy that a role has."""
    roles = of_type(document, "AWS::IAM::Role").values()
    inline = [policy for role in roles for policy in role["Properties"].get("Policies", [])]
    attached = [each["Properties"] for each in of_type(document, "AWS::IAM::Policy").values()]
    return [found for policy in inline + attached for found in policy["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize("stage", STAGES)
def test_cfn_lint_finds_nothing(stage: str) -> None:
    """No error and no warning."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(packaged(stage).template)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - installed here
    assert (done.returncode, done.stdout) == (0, "")


def test_the_table_can_be_restored_and_is_encrypted_and_protected(document: dict[str, Any]) -> None:
    """Behaviour 66: point-in-time recovery, KMS, protection, TTL, and no end with the stack."""
    (table,) = of_type(document, "AWS::DynamoDB::Table").values()
    found = table["Properties"]
    assert found["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert (found["SSESpecification"]["SSEEnabled"], found["SSESpecification"]["SSEType"]) == (True, "KMS")
    assert found["DeletionProtectionEnabled"] == {"Fn::If": ["IsProtected", True, False]}
    assert document["Parameters"]["DeletionProtection"]["Default"] == "true"
    assert found["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert found["BillingMode"] == "PAY_PER_REQUEST"


def test_the_table_has_a_stream_where_asked(document: dict[str, Any]) -> None:
    """A stream where needed; it costs nothing, but nothing listens."""
    (table,) = of_type(document, "AWS::DynamoDB::Table").values()
    view, nothing = {"StreamViewType": "NEW_AND_OLD_IMAGES"}, {"Ref": "AWS::NoValue"}
    assert table["Properties"]["StreamSpecification"] == {"Fn::If": ["HasStream", view, nothing]}
    listens = [each["Properties"].get("Events", {}) for each in of_type(document, template.FUNCTION).values()]
    is_used = any(event["Type"] == "DynamoDB" for events in listens for event in events.values())
    assert document["Parameters"]["Stream"]["Default"] == ("yes" if is_used else "no")


def test_a_function_on_the_stream_turns_it_on() -> None:
    """What app.py names as the stream is replaced by the table's own."""
    function = {
        "Properties": {"Events": {"Changes": {"Type": "DynamoDB", "Properties": {"Stream": "table"}}}}
    }
    document: dict[str, Any] = {
        "Parameters": {"Stream": {"Type": "String", "Default": "no"}},
        "Resources": {"Job": function, "Other": {}},
    }
    template.attach_stream(document)
    assert function["Properties"]["Events"]["Changes"]["Properties"] == {
        "Stream": {"Fn::GetAtt": ["Table", "StreamArn"]}
    }
    assert document["Parameters"]["Stream"] == {"Type": "String", "Default": "yes"}


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_turns_protection_off(stage: str) -> None:
    """The committed parameters protect data."""
    chosen = json.loads(parameters_of(stage).read_text("utf-8"))
    assert chosen["DeletionProtection"] == "true"


def test_the_table_is_the_one_that_the_models_describe(document: dict[str, Any]) -> None:
    """Keys and index are as the code has them, which local engines are made from."""
    (table,) = of_type(document, "AWS::DynamoDB::Table").values()
    schema = Item._get_schema()
    (index,) = table["Properties"]["GlobalSecondaryIndexes"]
    (model,) = schema["global_secondary_indexes"]
    assert index["IndexName"] == model["index_name"] == ListingIndex.Meta.index_name
    assert [(key["AttributeName"], key["KeyType"]) for key in index["KeySchema"]] == [
        (key["AttributeName"], key["KeyType"]) for key in model["key_schema"]
    ]
    assert [(key["AttributeName"], key["KeyType"]) for key in table["Properties"]["KeySchema"]] == [
        (key["AttributeName"], key["KeyType"]) for key in schema["key_schema"]
    ]


def test_every_log_ends_some_day(document: dict[str, Any]) -> None:
    """Functions, API and firewall have log groups of the stack's, with a retention."""
    groups = of_type(document, "AWS::Logs::LogGroup").values()
    kept = {each["Properties"]["LogGroupName"]["Fn::Sub"]: each["Properties"] for each in groups}
    assert {each["RetentionInDays"]["Ref"] for each in kept.values()} == {"LogRetentionDays"}
    functions = of_type(document, "AWS::Serverless::Function").values()
    names = {f"/aws/lambda/{each['Properties']['FunctionName']['Fn::Sub']}" for each in functions}
    assert set(kept) == names | {"/aws/apigateway/grail-${Stage}", "aws-waf-logs-grail-${Stage}"}


def test_every_alarm_reaches_somebody(document: dict[str, Any]) -> None:
    """Alarms without actions are not seen."""
    alarms = of_type(document, "AWS::CloudWatch::Alarm")
    topics = [{"Ref": name} for name in of_type(document, "AWS::SNS::Topic")]
    assert {name: each["Properties"]["AlarmActions"] for name, each in alarms.items()} == dict.fromkeys(
        alarms, topics
    )


@pytest.mark.parametrize(
    "metric",
    [
        "5XXError",
        "Latency",
        "Throttles",
        "Errors",
        "sign_in_failures",
        "token_reuses",
        "ReadThrottleEvents",
        "WriteThrottleEvents",
    ],
)
def test_what_matters_has_an_alarm(document: dict[str, Any], metric: str) -> None:
    """Errors, latency, throttles, the clean-up, sign-ins that fail, tokens that are used twice."""
    alarms = of_type(document, "AWS::CloudWatch::Alarm").values()
    assert metric in {each["Properties"]["MetricName"] for each in alarms}


def test_throttling_of_the_index_is_seen(document: dict[str, Any]) -> None:
    """CloudWatch counts it apart from the table's, and lists are what gets full first."""
    alarms = [each["Properties"] for each in of_type(document, "AWS::CloudWatch::Alarm").values()]
    found = [each for each in alarms if each["Namespace"] == "AWS/DynamoDB"]
    seen = {(each["MetricName"], *(part["Value"] for part in each["Dimensions"][1:])) for each in found}
    names = {"ReadThrottleEvents", "WriteThrottleEvents"}
    assert seen == {(name,) for name in names} | {(name, ListingIndex.Meta.index_name) for name in names}


def test_slow_answers_are_seen_where_few_people_call(document: dict[str, Any]) -> None:
    """A percentile of 99 takes 1,000 samples to count, unless all are to be evaluated."""
    alarm = document["Resources"]["LatencyAlarm"]["Properties"]
    assert alarm["EvaluateLowSampleCountPercentile"] == "evaluate"


def test_the_dashboard_shows_every_alarm(document: dict[str, Any]) -> None:
    """On one page."""
    (board,) = of_type(document, "AWS::CloudWatch::Dashboard").values()
    shown = set(re.findall(r"\${(\w+)\.Arn}", board["Properties"]["DashboardBody"]["Fn::Sub"]))
    assert shown == set(of_type(document, "AWS::CloudWatch::Alarm"))


def test_the_firewall_counts_sign_ins_by_themselves(document: dict[str, Any]) -> None:
    """Nobody calls the token endpoint so often, and a guess costs the most of all requests."""
    (acl,) = of_type(document, "AWS::WAFv2::WebACL").values()
    rules = {rule["Name"]: rule for rule in acl["Properties"]["Rules"]}
    rule = rules["sign-in-per-address"]
    limit = rule["Statement"]["RateBasedStatement"]
    scope = limit["ScopeDownStatement"]["ByteMatchStatement"]
    assert (rule["Action"], limit["AggregateKeyType"], limit["Limit"]) == (
        {"Block": {}}, "IP", {"Ref": "SignInRate"}
    )  # fmt: skip
    assert (scope["SearchString"], scope["PositionalConstraint"]) == (f"{SIGN_IN}/", "CONTAINS")
    paths = document["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    assert {path for path in paths if f"{SIGN_IN}/" in path} == {
        path for path in paths if path.startswith(SIGN_IN)
    }
    assert len({each["Priority"] for each in rules.values()}) == len(rules)


def test_the_functions_of_a_stage_can_be_bounded(document: dict[str, Any]) -> None:
    """The throttle is for each method; how many functions run is what bounds a stage and its bill."""
    function = document["Resources"]["APIHandler"]["Properties"]
    assert function["ReservedConcurrentExecutions"] == {
        "Fn::If": ["HasMaxConcurrency", {"Ref": "MaxConcurrency"}, {"Ref": "AWS::NoValue"}]
    }
    assert document["Parameters"]["MaxConcurrency"]["Default"] == 0


def test_a_request_that_the_firewall_blocks_is_a_problem_of_its_own(document: dict[str, Any]) -> None:
    """Behaviour 51: nobody takes it for a missing permission."""
    body = document["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    answer = body[template.GATEWAY_RESPONSES]["Fn::If"][2]["WAF_FILTERED"]
    problem = json.loads(answer["responseTemplates"]["application/json"])
    assert problem["type"].endswith("/errors/blocked-by-firewall")
    assert (answer["statusCode"], problem["title"]) == ("403", "Blocked by the firewall")


def test_no_policy_has_a_wildcard(document: dict[str, Any]) -> None:
    """Each grant names actions, and a resource in this account and region."""
    for statement in statements(document):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if set(actions) <= WITHOUT_RESOURCES:
            continue
        assert not any("*" in action for action in actions)
        resource = statement["Resource"]
        if resource in ATTRIBUTES:
            continue
        name = resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource
        is_parameter = isinstance(resource, dict) and resource.get("Ref", "").endswith("KeyArn")
        assert is_parameter or "${AWS::Region}:${AWS::AccountId}:" in name
        is_tagged = "aws:ResourceTag/grail-stage" in statement.get("Condition", {}).get("StringEquals", {})
        assert is_tagged or "*" not in name.removesuffix(":*"), "a log group's streams may be left open"


def test_everything_follows_the_table_in_use(document: dict[str, Any]) -> None:
    """After a restore, functions, permissions and alarms go to the table that TABLE_NAME says."""
    in_use = {"Ref": "TableName"}
    functions = of_type(document, "AWS::Serverless::Function").values()
    for function in functions:
        assert function["Properties"]["Environment"]["Variables"]["TABLE_NAME"] == in_use
    alarms = [each["Properties"] for each in of_type(document, "AWS::CloudWatch::Alarm").values()]
    watched = [each["Dimensions"][0] for each in alarms if each["Namespace"] == "AWS/DynamoDB"]
    assert watched == [{"Name": "TableName", "Value": in_use}] * 4
    tables = [name for name in granted(document) if ":table/" in name]
    assert [name for name in tables if ":table/${TableName}" not in name] == []
    assert len([name for name in tables if "/index/" not in name]) == len(functions)


def granted(document: dict[str, Any]) -> list[str]:
    """The resources of every statement, as templates of ARNs."""
    resources = [statement["Resource"] for statement in statements(document)]
    return [str(each.get("Fn::Sub", "")) if isinstance(each, dict) else each for each in resources]


@pytest.mark.parametrize("stage", STAGES)
def test_the_table_in_use_is_that_of_the_settings(stage: str) -> None:
    """What tasks with --stage work on, the stack uses."""
    document = json.loads(packaged(stage).template.read_text("utf-8"))
    assert document["Parameters"]["TableName"]["Default"] == settings_of(stage).table_name


def test_tracing_is_one_parameter(document: dict[str, Any]) -> None:
    """X-Ray through gateway and functions, with the permission that it needs."""
    resources = document["Resources"]
    assert resources["RestAPI"]["Properties"]["TracingEnabled"] == {"Fn::If": ["Traces", True, False]}
    functions = of_type(document, "AWS::Serverless::Function").values()
    modes = [each["Properties"]["Tracing"] for each in functions]
    assert modes == [{"Fn::If": ["Traces", "Active", "PassThrough"]}] * len(functions)
    found = of_type(document, "AWS::IAM::Policy").items()
    policies = {name: each["Properties"] for name, each in found if name.endswith("TracesPolicy")}
    for policy in policies.values():
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Effect"] == {"Fn::If": ["Traces", "Allow", "Deny"]}
    assert sum(len(policy["Roles"]) for policy in policies.values()) == len(functions)
    assert all(set(policies) & set(each["DependsOn"]) for each in functions), "Lambda looks whether they may"


def test_the_metrics_of_alarms_and_dashboard_are_written(document: dict[str, Any]) -> None:
    """An alarm on a metric that is never written would stay silent."""
    written = {(name, tuple(sorted(dimensions))) for dimensions, units in METRICS for name in units}
    alarms = [each["Properties"] for each in of_type(document, "AWS::CloudWatch::Alarm").values()]
    watched = {
        (each["MetricName"], tuple(sorted(found["Name"] for found in each["Dimensions"])))
        for each in alarms
        if each["Namespace"] == NAMESPACE
    }
    assert watched >= {("sign_in_failures", ("stage",)), ("token_reuses", ("stage",))}
    (board,) = of_type(document, "AWS::CloudWatch::Dashboard").values()
    shown = json.loads(board["Properties"]["DashboardBody"]["Fn::Sub"])
    series = [metric for widget in shown["widgets"] for metric in widget["properties"].get("metrics", [])]
    names = {each[1] for each in expanded(series) if each[0] == NAMESPACE}
    assert (watched | names_with_dimensions(series)) - written == set()
    searched = set(re.findall(r'{Grail,operation,stage} MetricName="(\w+)"', str(series)))
    assert names | searched == {name for name, _ in written}


def expanded(series: list[Any]) -> list[list[Any]]:
    """The rows of a widget, whose dots repeat what stands above."""
    rows: list[list[Any]] = []
    for row in series:
        parts = [part for part in row if isinstance(part, str)]
        if not parts:
            continue
        above = rows[-1] if rows else []
        if parts[0] == "...":
            parts = above[: len(above) - len(parts) + 1] + parts[1:]
        rows.append([above[place] if part == "." else part for place, part in enumerate(parts)])
    return rows


def names_with_dimensions(series: list[Any]) -> set[tuple[str, tuple[str, ...]]]:
    """The metrics of ours that rows show, with the names of their dimensions."""
    rows = [row for row in expanded(series) if row[0] == NAMESPACE]
    return {(row[1], tuple(sorted(row[2::2]))) for row in rows}


def test_every_function_has_a_role_of_its_own(document: dict[str, Any]) -> None:
    """What cleans up can't read users, and the other way round."""
    functions = of_type(document, "AWS::Serverless::Function")
    roles = [each["Properties"]["Role"]["Fn::GetAtt"][0] for each in functions.values()]
    assert len(functions) == len(set(roles)) >= 2


def test_the_stage_has_limits_and_an_access_log(document: dict[str, Any]) -> None:
    """Every method is throttled, and each request is logged with its id."""
    api = document["Resources"]["RestAPI"]["Properties"]
    (method,) = api["MethodSettings"]
    assert method["ThrottlingRateLimit"], method["ThrottlingBurstLimit"]
    line = json.loads(
        api["AccessLogSetting"]["Format"]
        .replace("$context.", "")
        .replace(":status", ":0")
        .replace(":responseLatency", ":0")
        .replace(":responseLength", ":0")
    )
    assert {"request_id", "status", "path", "latency_ms"} <= set(line)
    assert (line["firewall"], line["firewall_status"]) == ("wafResponseCode", "waf.status")


def test_the_gateways_own_answers_are_problems(document: dict[str, Any]) -> None:
    """Behaviour 51: for every status, with the domain or without it."""
    body = document["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    _, *variants = body[template.GATEWAY_RESPONSES]["Fn::If"]
    for answers in variants:
        assert {answer["statusCode"] for answer in answers.values()} >= {
            "400", "401", "403", "404", "413", "415", "429", "500", "503"
        }  # fmt: skip
        assert set(answers) == set(ANSWERS)
        for answer in answers.values():
            text = answer["responseTemplates"]["application/json"]
            problem = json.loads(text["Fn::Sub"] if isinstance(text, dict) else text)
            assert str(problem["status"]) == answer["statusCode"]


def test_a_public_url_of_the_configuration_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A domain that other stacks own, or one with a base path, is told to functions and gateway answers."""
    url = "https://api.grail.test/grail"
    known = Settings(stage="dev", public_url=url)
    monkeypatch.setattr(template, "settings_of", lambda _: known)
    domain = {"Fn::If": ["HasDomain", {"Fn::Sub": "https://${DomainName}"}, {"Ref": "AWS::NoValue"}]}
    functions = {
        name: {
            "Type": template.FUNCTION,
            "Properties": {
                "Environment": {
                    "Variables": {"STAGE": "dev", "PUBLIC_URL": {"Fn::If": list(domain["Fn::If"])}}
                }
            },
        }
        for name in ("APIHandler", "CleanUp", "Other")
    }
    api: dict[str, Any] = {"Properties": {"DefinitionBody": {"paths": {}}}}
    resources = {"RestAPI": api, **functions}
    made = template.complete({"Parameters": {}, "Resources": resources}, "build", Runtime("3.13", "arm64"))
    for name in functions:
        variables = made["Resources"][name]["Properties"]["Environment"]["Variables"]
        assert variables["PUBLIC_URL"] == {"Fn::If": ["HasDomain", domain["Fn::If"][1], url]}
    answers = made["Resources"]["RestAPI"]["Properties"]["DefinitionBody"][template.GATEWAY_RESPONSES]
    problem = json.loads(answers["Fn::If"][2]["THROTTLED"]["responseTemplates"]["application/json"])
    assert problem["type"] == f"{url}/errors/too-many-requests"


def test_methods_that_nobody_declared_reach_the_application(document: dict[str, Any]) -> None:
    """Behaviour 51: it answers 405 with Allow, where the gateway would say 403 or 404."""
    paths = document["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    assert [path for path, methods in paths.items() if template.ANY_METHOD not in methods] == []


def test_nothing_in_it_is_a_secret(document: dict[str, Any]) -> None:
    """Behaviour 56: functions get the name of the document of secrets, not what is in it."""
    functions = of_type(document, "AWS::Serverless::Function").values()
    for function in functions:
        variables = function["Properties"]["Environment"]["Variables"]
        assert variables["SECRETS"] == f"ssm:/grail/{variables['STAGE']}/secrets"
    assert "PRIVATE KEY" not in json.dumps(document)
