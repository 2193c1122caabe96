"""What a deployment learns from CloudFormation on its way: AWS's own client, with prepared answers."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import UnauthorizedSSOTokenError
from botocore.session import Session
from botocore.stub import Stubber

from tasks.cloud import stack as stack_module
from tasks.cloud.stack import Stack
from tasks.errors import TaskError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STACK = "arn:aws:cloudformation:eu-central-1:123456789012:stack/grail-dev/1"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of CloudFormation whose credentials nobody checks."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return Session().create_client("cloudformation", "eu-central-1")


def stack_in(status: str, **outputs: str) -> dict[str, Any]:
    """What CloudFormation says of a stack in a state."""
    listed = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    stack = {"StackName": "grail-dev", "CreationTime": NOW, "StackStatus": status, "Outputs": listed}
    return {"Stacks": [stack]}


def test_expired_credentials_end_the_wait_at_once(client: Any) -> None:
    """One line says so, that CloudFormation goes on, and how to continue; nothing is asked again."""
    with Stubber(client) as aws:
        aws.add_response("describe_stacks", stack_in("UPDATE_COMPLETE"))
        aws.add_response("execute_change_set", {})
        aws.add_response("describe_stacks", stack_in("UPDATE_IN_PROGRESS"))
        aws.add_client_error("describe_stacks", "ExpiredToken", "The security token is expired", 403)
        with pytest.raises(TaskError, match=r"followed any longer \(ExpiredToken: .*goes on: renew the cred"):
            Stack(client, "grail-dev", pause=0.01).execute("a-change")
        aws.assert_no_pending_responses()


def test_a_session_of_sso_that_ends_is_told_alike(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """These credentials fail on this machine, before a request is sent."""

    def fail(**_: Any) -> None:
        raise UnauthorizedSSOTokenError

    with Stubber(client) as aws:
        aws.add_response("describe_stacks", stack_in("UPDATE_COMPLETE"))
        aws.add_response("execute_change_set", {})
        monkeypatch.setattr(client, "get_waiter", lambda _: type("Waiter", (), {"wait": staticmethod(fail)}))
        with pytest.raises(TaskError, match=r"The SSO session .* renew the credentials"):
            Stack(client, "grail-dev", pause=0.01).execute("a-change")


def test_a_deployment_that_takes_hours_is_not_called_a_failure(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may end well, for example a gradual rollout; and nothing failed that could be told."""
    monkeypatch.setattr(stack_module, "MAX_SECONDS", 0.01)
    with Stubber(client) as aws:
        aws.add_response("describe_stacks", stack_in("UPDATE_COMPLETE"))
        aws.add_response("execute_change_set", {})
        aws.add_response("describe_stacks", stack_in("UPDATE_IN_PROGRESS"))
        with pytest.raises(TaskError, match=r"not done after 0 hours\). CloudFormation goes on"):
            Stack(client, "grail-dev", pause=0.01).execute("a-change")


def test_a_stack_that_is_gone_is_a_failure_and_no_riddle(client: Any) -> None:
    """Somebody deleted it in the meantime."""
    with Stubber(client) as aws:
        aws.add_response("describe_stacks", stack_in("UPDATE_COMPLETE"))
        aws.add_response("execute_change_set", {})
        aws.add_client_error("describe_stacks", "ValidationError", "Stack with id grail-dev does not exist")
        assert not Stack(client, "grail-dev", pause=0.01).execute("a-change")


def event(resource: str, status: str, reason: str = "") -> dict[str, Any]:
    """An event of a stack; that of the stack itself has its id."""
    return {
        "StackId": STACK,
        "StackName": "grail-dev",
        "EventId": f"{resource} {status}",
        "Timestamp": NOW,
        "LogicalResourceId": resource,
        "PhysicalResourceId": STACK if resource == "grail-dev" else resource,
        "ResourceType": "AWS::Lambda::Function",
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


def test_events_are_read_back_to_the_beginning_of_the_deployment_and_no_further(client: Any) -> None:
    """However many deployments there were: the page before is not asked for."""
    page = [
        event("grail-dev", "UPDATE_ROLLBACK_COMPLETE"),
        event("CleanUp", "UPDATE_FAILED", "Resource update cancelled"),
        event("APIHandler", "UPDATE_FAILED", "Rate exceeded"),
        event("grail-dev", "UPDATE_IN_PROGRESS", "User Initiated"),
        event("Table", "UPDATE_FAILED", "of an earlier deployment"),
    ]
    with Stubber(client) as aws:
        aws.add_response("describe_stack_events", {"StackEvents": page, "NextToken": "earlier"})
        found = Stack(client, "grail-dev").first_failure()
    assert found == "APIHandler (Lambda Function): Rate exceeded - AWS was busy: deploy again"


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("/aws/lambda/grail-dev already exists in stack arn:…", "delete it there"),
        ("User: arn:… is not authorized to perform: iam:CreateRole", "invoke bootstrap"),
        ("CloudWatch Logs role ARN must be set in account settings to enable logging", "ApiGatewayLogRole"),
        ("Specified … decreases account's UnreservedConcurrentExecution below [100].", "MaxConcurrency"),
        ("Resource handler returned: (HandlerErrorCode: ServiceLimitExceeded)", "Service Quotas"),
        ("Something that nobody has met", ""),
        ("", "no reason given"),
    ],
)
def test_a_failure_is_told_with_what_to_do(client: Any, reason: str, advice: str) -> None:
    """Where that is known."""
    page = [event("Role", "CREATE_FAILED", reason), event("grail-dev", "CREATE_IN_PROGRESS")]
    with Stubber(client) as aws:
        aws.add_response("describe_stack_events", {"StackEvents": page})
        found = Stack(client, "grail-dev").first_failure()
    assert reason in found
    assert advice in found
    assert advice or found.endswith(reason)


OUTPUTS = {"URL": "https://api.grail.test", "DomainTarget": "d-1.execute-api.eu-central-1.amazonaws.com"}


def test_a_domain_is_tested_where_its_record_has_to_point(client: Any) -> None:
    """Its DNS record cannot point there yet when the stack has just made that address."""
    stack = Stack(client, "grail-dev")
    with Stubber(client) as aws:
        aws.add_response("describe_stacks", stack_in("CREATE_COMPLETE", **OUTPUTS))
        assert stack.reach("dev") == (f"https://{OUTPUTS['DomainTarget']}", "api.grail.test")
        for _ in range(2):
            aws.add_response("describe_stacks", stack_in("CREATE_COMPLETE", URL="https://1.test/dev"))
        assert stack.reach("dev") == ("https://1.test/dev", "")
