"""What CloudFormation made of a stage: the stack, alarms, policies, and the address."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import urllib3

from chalicelib.settings import LOCAL_URL, running
from tasks.cloud import template
from tasks.cloud.stack import SUCCESS
from tasks.doctor.report import GOOD, LOOK, WRONG, Finding, Subject
from tasks.processes import LOOPBACK, project_folder
from tasks.stages import PROTECTED, functions_of

OUTPUTS = ("URL", "TableName")
TIMEOUT = 10.0  # seconds; a cold start is among them


def check_stack(subject: Subject) -> Iterator[Finding]:
    """Check that the stack exists, is in a good state, and has the outputs that tasks need."""
    stack, deploy = subject.stack, f"invoke deploy --stage {subject.name}"
    found = stack.describe()
    if not found:
        yield Finding(WRONG, f"there is no stack {stack.name} in {subject.settings.region}", deploy)
        return
    if found["StackStatus"] not in (*SUCCESS, "UPDATE_ROLLBACK_COMPLETE"):
        yield Finding(
            WRONG, f"{stack.name} is {found['StackStatus']}", "Look at its events, then deploy again."
        )
    missing = [name for name in OUTPUTS if name not in subject.outputs]
    if missing:
        yield Finding(WRONG, f"it has no output {', '.join(missing)}", deploy)
    table = _parameter(subject, "TableName")
    if table not in (None, subject.settings.table_name):
        text = f"functions use the table {table}, and tasks {subject.settings.table_name}"
        yield Finding(WRONG, text, f"Set TABLE_NAME in .chalice/config.json, and {deploy}")
    if subject.name in PROTECTED and not found.get("EnableTerminationProtection"):
        yield Finding(WRONG, "the stack has no termination protection", deploy)
    yield Finding(GOOD, f"{stack.name} is {found['StackStatus']}")


def check_gateway(subject: Subject) -> Iterator[Finding]:
    """Whether the API has its own stage only: firewall, throttle and access log cover no other."""
    api = subject.outputs.get("RestAPIId")
    if not api:
        yield Finding(WRONG, "the stack names no API", f"invoke deploy --stage {subject.name}")
        return
    stages = [each["stageName"] for each in subject.client("apigateway").get_stages(restApiId=api)["item"]]
    others = sorted(set(stages) - {subject.name})
    for name in others:
        delete = f"aws apigateway delete-stage --rest-api-id {api} --stage-name {name}"
        # A deployment by an earlier template still refers to it, and needs it for updates.
        advice = f"First invoke deploy --stage {subject.name}, then {delete}"
        yield Finding(WRONG, f"{name} serves the API, too, without firewall, throttle and access log", advice)
    if not others:
        yield Finding(GOOD, f"{subject.name} only")


def check_alarms(subject: Subject) -> Iterator[Finding]:
    """Check that every alarm exists and has somebody to notify."""
    wanted = sorted(alarm_names(subject.name))
    client = subject.client("cloudwatch")
    pages = client.get_paginator("describe_alarms").paginate(AlarmNames=wanted)
    found = {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}
    deploy = f"invoke deploy --stage {subject.name}"
    for name in wanted:
        if name not in found:
            yield Finding(WRONG, f"{name}: missing", deploy)
        elif not (found[name].get("ActionsEnabled", True) and found[name].get("AlarmActions")):
            yield Finding(
                WRONG, f"{name}: notifies nobody", f"aws cloudwatch enable-alarm-actions, or {deploy}"
            )
    if found.keys() >= set(wanted):
        yield Finding(GOOD, f"{len(wanted)} of them")
        yield from _listeners(subject)


def alarm_names(stage: str) -> set[str]:
    """Return the names of the alarms that infra/ declares."""
    resources = template.fragments(stage)["Resources"].values()
    alarms = [each for each in resources if each.get("Type") == "AWS::CloudWatch::Alarm"]
    return {each["Properties"]["AlarmName"]["Fn::Sub"].replace("${Stage}", stage) for each in alarms}


def _listeners(subject: Subject) -> Iterator[Finding]:
    topic = subject.outputs.get("AlarmTopicArn")
    if topic:
        client = subject.client("sns")
        pages = client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        arns = [each["SubscriptionArn"] for page in pages for each in page["Subscriptions"]]
        if not any(arn.startswith("arn:") for arn in arns):
            advice = f"AlarmEmail in infra/parameters/{subject.name}.json, and its link confirmed."
            yield Finding(LOOK, "no confirmed subscription", advice)


def check_policies(subject: Subject) -> Iterator[Finding]:
    """Check that the functions have the permissions of .chalice/policy-*.json, and no others."""
    functions, iam = subject.client("lambda"), subject.client("iam")
    deploy = f"invoke deploy --stage {subject.name}"
    flaws = 0
    for name, file in functions_of(subject.name).items():
        role = functions.get_function_configuration(FunctionName=name)["Role"].rpartition("/")[2]
        wanted = json.loads((project_folder() / ".chalice" / file).read_text("utf-8"))
        missing, more = _difference(_wanted(wanted, subject), _granted(iam, role, subject.name))
        flaws += bool(missing or more)
        if missing:
            yield Finding(WRONG, f"{name} lacks {', '.join(sorted(missing))}", deploy)
        if more:
            yield Finding(
                WRONG, f"{name} may {', '.join(sorted(more))}, too", f"Take it from the role {role}."
            )
    if not flaws:
        yield Finding(GOOD, "as in .chalice/")


Grant = tuple[str, str]  # an action, and what it may be done with


def _wanted(document: dict[str, Any], subject: Subject) -> set[Grant]:
    # as in the template, where a restored table has taken over (docs/operations.md)
    table = rf"\1/{subject.settings.table_name}"
    return {(action, template.TABLE.sub(table, resource)) for action, resource in _statements(document)}


def _granted(iam: Any, role: str, stage: str) -> set[Grant]:
    """List what a role may do, beyond what parameters of the stack add on purpose."""
    chosen = _own_policies(stage)
    grants: set[Grant] = set()
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=role):
        for name in page["PolicyNames"]:
            if name not in chosen:
                found = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
                grants |= _statements(json.loads(unquote(found)) if isinstance(found, str) else found)
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        grants |= {("*", each["PolicyArn"]) for each in page["AttachedPolicies"]}
    return grants


def _own_policies(stage: str) -> set[str]:
    resources = template.fragments(stage)["Resources"].values()
    return {each["Properties"]["PolicyName"] for each in resources if each.get("Type") == "AWS::IAM::Policy"}


def _statements(document: dict[str, Any]) -> set[Grant]:
    return {
        (action, _anywhere(resource))
        for statement in _listed(document["Statement"])
        if statement["Effect"] == "Allow"
        for action in _listed(statement.get("Action", "anything but a few"))
        for resource in _listed(statement.get("Resource", "anything but a few"))
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _anywhere(arn: str) -> str:
    """Leave partition, region and account out: a stack narrows them to its own."""
    parts = arn.split(":", 5)
    return ":".join(["arn", "*", parts[2], "*", "*", parts[5]]) if len(parts) == 6 else arn


def _difference(wanted: set[Grant], granted: set[Grant]) -> tuple[set[str], set[str]]:
    def words(grants: set[Grant]) -> set[str]:
        return {f"{action} on {resource.rpartition(':')[2]}" for action, resource in grants}

    return words(wanted - granted), words(granted - wanted)


def check_address(subject: Subject) -> Iterator[Finding]:
    """Check that the API answers at its address, with the build that was deployed."""
    url = address_of(subject)
    if not url:
        yield Finding(WRONG, "the stack names no URL", f"invoke deploy --stage {subject.name}")
        return
    build = _build_at(url)
    if build is None:
        level, advice = (
            (LOOK, "`make run` serves it.")
            if subject.settings.is_local
            else (WRONG, "docs/operations.md shows how to read its logs.")
        )
        yield Finding(level, f"{url}/health does not answer", advice)
        return
    wanted = None if subject.settings.is_local else _parameter(subject, "Build")
    if wanted and build != wanted:
        advice = f"Another API answers there, or caches do: the domain of {subject.name} has to lead to it."
        yield Finding(WRONG, f"{url} runs the build {build}, and {wanted} is deployed", advice)
    else:
        yield Finding(GOOD, f"{url} runs the build {build}")


def address_of(subject: Subject) -> str:
    """Return the URL to call: on a cloud of this machine, the gateway's own."""
    if subject.settings.is_local:
        return subject.settings.public_url or running().get("url", LOCAL_URL)
    cloud = str(subject.stack.client.meta.endpoint_url)
    if LOOPBACK in cloud and "RestAPIId" in subject.outputs:
        return f"{cloud}/_aws/execute-api/{subject.outputs['RestAPIId']}/{subject.name}"
    return subject.settings.public_url or subject.outputs.get("URL", "")


def _build_at(url: str) -> str | None:
    try:
        answer = urllib3.request("GET", f"{url}/health", timeout=TIMEOUT, retries=False)
        found = json.loads(answer.data)
    except (urllib3.exceptions.HTTPError, ValueError):
        return None
    return str(found["build"]) if answer.status == 200 and "build" in found else None


def _parameter(subject: Subject, name: str) -> str | None:
    parameters = subject.stack.describe().get("Parameters", [])
    return next((each["ParameterValue"] for each in parameters if each["ParameterKey"] == name), None)
