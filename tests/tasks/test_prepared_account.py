"""The account that infra/bootstrap.yaml prepares: what its roles may do, and whether a second region fits in.

What CloudFormation calls for a resource is in the `handlers` of its schema (CloudFormation registry), and
which actions take no ARN in the Service Authorization Reference. No local cloud limits CloudFormation to its
role, so the policies are read here.
"""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from chalice.package import YAMLTemplateSerializer
from moto.iam.aws_managed_policies import aws_managed_policies_data

from tasks.processes import project_folder
from tasks.stages import INFRA

PATH = INFRA / "bootstrap.yaml"
TEMPLATE: dict[str, Any] = YAMLTemplateSerializer().load_template(PATH.read_text("utf-8"), str(PATH))
RESOURCES = TEMPLATE["Resources"]
BOUNDARY = RESOURCES["Boundary"]["Properties"]["PolicyDocument"]["Statement"]
EXECUTION = RESOURCES["Execution"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
ANYTHING = ["*"]
ROLES = [{"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/grail-*"}]
# Calls that take no ARN, or one that does not begin with our name.
UNNAMED = (
    "codedeploy:GetDeploymentConfig",
    "codedeploy:StopDeployment",
    "lambda:CreateEventSourceMapping",
    "logs:CreateLogDelivery",
    "logs:DescribeIndexPolicies",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:PutResourcePolicy",
    "sns:GetSubscriptionAttributes",
    "sns:SetSubscriptionAttributes",
    "sns:Unsubscribe",
)
# Calls about roles, beyond those that make one or grant it something.
OF_ROLES = (
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "iam:UpdateRoleDescription",
)


def listed(found: Any) -> list[Any]:
    """A list, where a policy may have one value."""
    return found if isinstance(found, list) else [found]


def names(statement: dict[str, Any], action: str) -> bool:
    """Whether a statement allows an action on something."""
    patterns = listed(statement["Action"])
    return statement["Effect"] == "Allow" and any(fnmatchcase(action, pattern) for pattern in patterns)


@pytest.mark.parametrize(
    ("action", "resource"),
    [*((action, ANYTHING) for action in UNNAMED), *((action, ROLES) for action in OF_ROLES)],
)
def test_cloudformation_may_do_what_resources_of_stages_need(action: str, resource: list[Any]) -> None:
    """When it makes, updates or deletes them, and when the doctor has it look for drift."""
    assert [each for each in EXECUTION if names(each, action) and listed(each["Resource"]) == resource]


@pytest.mark.parametrize("service", ["ops.apigateway.amazonaws.com", "wafv2.amazonaws.com"])
def test_the_first_of_an_account_makes_the_role_of_its_service(service: str) -> None:
    """AWS makes one for a domain, for active tracing, and for the log of a firewall; others are refused."""
    (statement,) = (each for each in EXECUTION if names(each, "iam:CreateServiceLinkedRole"))
    assert service in statement["Condition"]["StringEquals"]["iam:AWSServiceName"]


def test_the_boundary_lets_a_rollout_move_requests() -> None:
    """All that AWS's policy for it grants, except hooks and packages in S3, of which ours has none."""
    policy = json.loads(aws_managed_policies_data)["AWSCodeDeployRoleForLambdaLimited"]["Document"]
    granted = {action for each in policy["Statement"] for action in listed(each["Action"])}
    used = {each for each in granted if not each.startswith("s3:")} - {"lambda:InvokeFunction"}
    assert "lambda:UpdateAlias" in used
    everywhere = [each for each in BOUNDARY if each["Resource"] == "*"]
    assert [each for each in sorted(used) if not any(names(one, each) for one in everywhere)] == []


def test_the_boundary_lets_functions_do_what_their_policies_grant() -> None:
    """A role may do what both allow."""
    files = (project_folder() / ".chalice").glob("policy-*.json")
    found = [each for path in files for each in json.loads(path.read_text("utf-8"))["Statement"]]
    granted = {action for statement in found for action in listed(statement["Action"])}
    assert "dynamodb:BatchGetItem" in granted
    assert [each for each in sorted(granted) if not any(names(one, each) for one in BOUNDARY)] == []


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        ("Boundary", "ManagedPolicyName"),
        ("Execution", "RoleName"),
        ("DeployDev", "RoleName"),
        ("DeployProd", "RoleName"),
        ("DeployPullRequests", "RoleName"),
        ("AccountBudget", "Budget"),
        ("Packages", "BucketName"),
    ],
)
def test_a_second_region_can_be_prepared_as_well(resource: str, kind: str) -> None:
    """Names of IAM, S3 and budgets are those of all regions."""
    found = RESOURCES[resource]["Properties"][kind]
    assert "${AWS::Region}" in str(found.get("BudgetName", found))


def test_the_bucket_of_a_deployment_is_adopted_with_its_policy() -> None:
    """CloudFormation adopts what is retained and has a static name; a second policy it could not make."""
    bucket, policy = RESOURCES["Packages"], RESOURCES["PackagesPolicy"]
    assert policy["Properties"]["Bucket"] == bucket["Properties"]["BucketName"]
    assert (bucket["DeletionPolicy"], policy["DeletionPolicy"]) == ("Retain", "Retain")
