"""An account that was prepared, and a deployment with the role that was made for it; IAM is enforced."""

import json
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session

from tasks.cloud.account import Account
from tasks.cloud.bootstrap import bootstrap
from tasks.cloud.trial import Trial
from tests.cloud import local
from tests.cloud.drive import drive
from tests.cloud.stage import NAME, Stage, import_the_rest

pytestmark = pytest.mark.cloud
# this cloud knows no resource of the type of the provider
REPOSITORY = {"Repository": "owner/repository", "OidcProvider": "exists"}


@pytest.fixture
def outputs(stage: Stage) -> dict[str, str]:
    """What the stack of the account says."""
    return bootstrap(stage.account, REPOSITORY, yes=True, say=stage.said.append)


def become(stage: Stage, role: str) -> Account:
    """Return the account as a user sees it who has the policies of a role.

    The role itself trusts GitHub only, and nobody here can sign GitHub's tokens.
    """
    iam, name = stage.account.client("iam"), role.rpartition("/")[2]
    iam.create_user(UserName="deployer")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        iam.put_user_policy(UserName="deployer", PolicyName=policy, PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    session = Session()
    session.set_credentials(key["AccessKeyId"], key["SecretAccessKey"])
    session.set_config_variable("region", local.REGION)
    return Account(session, endpoint=stage.cloud)


def test_nobody_but_github_becomes_a_role(stage: Stage, outputs: dict[str, str]) -> None:
    """Not even the root user of the account."""
    client = stage.account.client("sts")
    for name in ("DeployDevRole", "DeployProdRole", "DeployPullRequestsRole"):
        with pytest.raises(ClientError, match="AccessDenied"):
            client.assume_role(RoleArn=outputs[name], RoleSessionName="test")


def test_the_role_of_a_stage_deploys_it_and_nothing_else(stage: Stage, outputs: dict[str, str]) -> None:
    """Every call of a deployment is allowed: preflight, upload, change set, test, rollback."""
    # this cloud is reached without TLS, which the bucket's policy demands
    stage.account.client("s3").delete_bucket_policy(Bucket=outputs["Bucket"])
    account = become(stage, outputs["DeployDevRole"])
    stage.deployment = replace(stage.deployment, account=account)
    stage.deployment.test, stage.deployment.examine = Trial.run, Trial.examine
    stage.outputs = stage.deployment.deploy(stage.package, yes=True)
    assert stage.said.count("Not looked at, for want of permission: keys, secrets, captcha.") == 1
    stage.deployment.overrides["Build"] = "two"
    stage.deployment.deploy(stage.package, yes=True)
    stage.deployment.rollback(yes=True)
    # this cloud leaves the boundary out of roles; tests/tasks/test_transform.py finds it on each of them
    described = stage.deployment.stack.describe()
    values = {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}
    assert values["PermissionsBoundary"] == outputs["Boundary"]
    import_the_rest(stage)
    stage.seed()
    drive(stage)
    for service, call, arguments in (
        ("cloudformation", "delete_stack", {"StackName": "grail-prod"}),
        ("iam", "create_role", {"RoleName": "grail-mine", "AssumeRolePolicyDocument": "{}"}),
        ("ssm", "get_parameter", {"Name": f"/grail/{NAME}/secrets"}),
        ("dynamodb", "scan", {"TableName": f"grail-{NAME}"}),
    ):
        with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
            getattr(account.client(service), call)(**arguments)


def test_preparing_an_account_again_changes_nothing(stage: Stage, outputs: dict[str, str]) -> None:
    """As often as one likes; the bucket is the one that deployments use."""
    assert bootstrap(stage.account, REPOSITORY, yes=True, say=stage.said.append) == outputs
    assert outputs["Bucket"] == stage.account.bucket
