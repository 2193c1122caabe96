"""What CloudFormation made of a stage: the stack, its alarms, and the address."""

import json
from collections.abc import Iterator

import urllib3

from chalicelib.settings import LOCAL_URL, running
from tasks.cloud.stack import SUCCESS
from tasks.doctor.report import GOOD, LOOK, WRONG, Finding, Subject
from tasks.doctor.settings import read_document
from tasks.stages import PROTECTED

TIMEOUT = 10.0  # seconds; a cold start is among them


def check_stack(subject: Subject) -> Iterator[Finding]:
    """Check that the stack exists, is in a good state, and uses the stage's table."""
    stack, deploy = subject.stack, f"invoke deploy --stage {subject.name}"
    found = stack.describe()
    if not found:
        yield Finding(WRONG, f"there is no stack {stack.name} in {subject.settings.region}", deploy)
        return
    text = f"{stack.name} is {found['StackStatus']}"
    if found["StackStatus"] not in (*SUCCESS, "UPDATE_ROLLBACK_COMPLETE"):
        yield Finding(WRONG, text, "Look at its events, then deploy again.")
    table = stack.parameters.get("TableName")
    if table not in (None, subject.settings.table_name):
        used = f"functions use the table {table}, and tasks {subject.settings.table_name}"
        yield Finding(WRONG, used, f"Set TABLE_NAME in .chalice/config.json, and {deploy}")
    if subject.name in PROTECTED and not found.get("EnableTerminationProtection"):
        yield Finding(WRONG, "the stack has no termination protection", deploy)
    yield Finding(GOOD, text)


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


def check_firewall(subject: Subject) -> Iterator[Finding]:
    """Check that the firewall sees the addresses of callers: behind a distribution, it sees CloudFront's."""
    if subject.stack.parameters.get("WebAcl") != "yes":
        yield Finding(GOOD, "none")
    elif "edge_secret" in (read_document(subject) or {}):
        advice = f'"WebAcl": "no" in infra/parameters/{subject.name}.json, and WebAclArn of infra/edge.yaml'
        yield Finding(WRONG, "it counts and blocks the addresses of CloudFront instead of callers", advice)
    else:
        yield Finding(GOOD, "counts the addresses of callers")


def check_alarms(subject: Subject) -> Iterator[Finding]:
    """Check that every alarm of the stack exists and has somebody to notify."""
    wanted = subject.stack.resources("AWS::CloudWatch::Alarm")
    client = subject.client("cloudwatch")
    pages = client.get_paginator("describe_alarms").paginate(AlarmNames=wanted)
    found = {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}
    deploy = f"invoke deploy --stage {subject.name}"
    for name in wanted:
        if name not in found:
            yield Finding(WRONG, f"{name}: missing", deploy)
        elif not (found[name].get("ActionsEnabled", True) and found[name].get("AlarmActions")):
            advice = f"aws cloudwatch enable-alarm-actions, or {deploy}"
            yield Finding(WRONG, f"{name}: notifies nobody", advice)
    if found.keys() >= set(wanted):
        yield Finding(GOOD, f"{len(wanted)} of them")
        yield from _listeners(subject)


def _listeners(subject: Subject) -> Iterator[Finding]:
    topic = subject.outputs.get("AlarmTopicArn")
    if topic:
        client = subject.client("sns")
        pages = client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        arns = [each["SubscriptionArn"] for page in pages for each in page["Subscriptions"]]
        if not any(arn.startswith("arn:") for arn in arns):
            advice = f"AlarmEmail in infra/parameters/{subject.name}.json, and its link confirmed."
            yield Finding(LOOK, "no confirmed subscription", advice)


def check_address(subject: Subject) -> Iterator[Finding]:
    """Check that the API answers at its address, with the build that was deployed."""
    usual = running().get("url", LOCAL_URL) if subject.settings.is_local else subject.stack.url(subject.name)
    url = subject.settings.public_url or usual
    if not url:
        yield Finding(WRONG, "the stack names no URL", f"invoke deploy --stage {subject.name}")
        return
    build = _build_at(url)
    if build is None:
        level, advice = WRONG, "docs/operations.md shows how to read its logs."
        if subject.settings.is_local:
            level, advice = LOOK, "`make run` serves it."
        elif target := subject.outputs.get("DomainTarget"):
            advice = f"Its DNS record has to point to {target}. {advice}"
        yield Finding(level, f"{url}/health does not answer", advice)
        return
    wanted = None if subject.settings.is_local else subject.stack.parameters.get("Build")
    if wanted and build != wanted:
        advice = f"Another API answers there, or caches do: the domain of {subject.name} has to lead to it."
        yield Finding(WRONG, f"{url} runs the build {build}, and {wanted} is deployed", advice)
    else:
        yield Finding(GOOD, f"{url} runs the build {build}")


def _build_at(url: str) -> str | None:
    try:
        answer = urllib3.request("GET", f"{url}/health", timeout=TIMEOUT, retries=False)
        found = json.loads(answer.data)
    except (urllib3.exceptions.HTTPError, ValueError):
        return None
    return str(found["build"]) if answer.status == 200 and "build" in found else None
