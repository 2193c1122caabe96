"""A stage on the local cloud: deployed as in AWS, called over HTTP, looked into."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import app as application
from chalicelib.db.table import Item, connect
from chalicelib.security.keys import new_secrets
from chalicelib.settings import Settings
from chalicelib.web.call import with_head
from tasks.cloud import template
from tasks.cloud.deploy import Deployment
from tasks.cloud.package import Package
from tasks.seed import DOCUMENTATION, USERS, seed
from tests.cloud import local
from tests.http import Answer, Client, OverHttp

NAME = "dev"
SECRETS = f"/grail/{NAME}/secrets"
DOMAIN = "api.grail.test"
URL = f"https://{DOMAIN}"
PARAMETERS = {
    "DomainName": DOMAIN,
    "CertificateArn": f"arn:aws:acm:{local.REGION}:{'0' * 12}:certificate/none",
    # tests are faster than those whom the limits are meant for
    "ThrottleRate": "10000",
    "ThrottleBurst": "5000",
}
SCHEDULED = {
    "version": "0",
    "id": "1",
    "source": "aws.events",
    "detail-type": "Scheduled Event",
    "account": "000000000000",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {},
}
Change = Callable[[dict[str, Any]], None]


class Stage:
    """The stage dev in an account of its own.

    :param cloud: URL of the local cloud.
    :param folder: for what is changed of the package.
    """

    def __init__(self, cloud: str, package: Package, folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder
        self.package = package
        self.account = local.account(cloud)
        self.said: list[str] = []
        # without the test of the stage, which writes: tests/cloud/test_deployment.py is about it
        self.deployment = Deployment(
            NAME,
            self.account,
            self._ask,
            self.said.append,
            pause=0.05,
            overrides=dict(PARAMETERS),
            test=lambda *_: "",
            examine=lambda *_: "",
        )
        self.answers: list[str] = []
        self.outputs: dict[str, str] = {}

    def _ask(self, question: str) -> str:
        self.said.append(question)
        return self.answers.pop(0)

    @property
    def secrets(self) -> Path:
        """The document of secrets, for tests that sign tokens."""
        return self.folder / "secrets.json"

    def make_secrets(self) -> None:
        """Put a fresh document of secrets where the stage looks for it, and into a file for tests."""
        document = json.dumps(new_secrets())
        self.account.client("ssm").put_parameter(Name=SECRETS, Type="SecureString", Value=document)
        self.secrets.write_text(document)

    def deploy(self, change: Change | None = None, **overrides: str) -> dict[str, str]:
        """Deploy without being asked.

        :param change: changes the template before.
        :param overrides: values of parameters.
        """
        self.deployment.overrides.update(overrides)
        self.outputs = self.deployment.deploy(self.changed(change) if change else self.package, yes=True)
        import_the_rest(self)
        return self.outputs

    def changed(self, change: Change) -> Package:
        """Return the package with another template."""
        document = json.loads(self.package.template.read_text("utf-8"))
        change(document)
        path = self.folder / "changed" / "template.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document))
        shutil.copy(self.package.code, path.parent)
        return Package(path.parent)

    @property
    def url(self) -> str:
        """Where requests go to; the API calls itself by its domain."""
        return local.api_url(self.cloud, self.outputs["RestAPIId"], NAME)

    @property
    def api(self) -> Client:
        """A client of the API."""
        return Client(OverHttp(self.url))

    def connect(self) -> None:
        """Connect this process to the stage's table."""
        connect(Settings(stage="cloud", table_name=f"grail-{NAME}", dynamodb_endpoint=self.cloud))

    def seed(self) -> None:
        """Write the development data into the table, past the API."""
        self.connect()
        seed()

    def sign_in(self, username: str = "root") -> Answer:
        """Get tokens by password."""
        form = {"grant_type": "password", "client_id": DOCUMENTATION, "username": username}
        return self.api("POST", "/auth/oauth2/token", form={**form, "password": USERS[username]["password"]})

    def logs(self) -> str:
        """All that was logged, of every log group."""
        client = self.account.client("logs")
        groups = client.describe_log_groups()["logGroups"]
        lines: list[str] = []
        for group in groups:
            name = group["logGroupName"]
            for stream in client.describe_log_streams(logGroupName=name)["logStreams"]:
                found = client.get_log_events(logGroupName=name, logStreamName=stream["logStreamName"])
                lines.extend(str(each["message"]) for each in found["events"])
        return "\n".join(lines)


def import_the_rest(stage: Stage) -> None:
    """Do what API Gateway does when it imports the document of an API, and the local one does not."""
    client = stage.account.client("apigateway")
    import_gateway_responses(stage, client)
    import_any_methods(stage, client)
    client.create_deployment(restApiId=stage.outputs["RestAPIId"], stageName=NAME)


def import_any_methods(stage: Stage, client: Any) -> None:
    """Send methods that nobody declared to the function that has the others."""
    api = stage.outputs["RestAPIId"]
    for page in client.get_paginator("get_resources").paginate(restApiId=api, embed=["methods"]):
        for resource in page["items"]:
            found = resource.get("resourceMethods", {})
            if found and "ANY" not in found:
                place = {"restApiId": api, "resourceId": resource["id"]}
                method = next(iter(found))
                uri = client.get_integration(**place, httpMethod=method)["uri"]
                client.put_method(**place, httpMethod="ANY", authorizationType="NONE")
                client.put_integration(
                    **place, httpMethod="ANY", type="AWS_PROXY", integrationHttpMethod="POST", uri=uri
                )


def import_gateway_responses(stage: Stage, client: Any) -> None:
    """Set the answers that the gateway gives by itself."""
    document = json.loads(stage.package.template.read_text("utf-8"))
    body = document["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    _, with_domain, _ = body[template.GATEWAY_RESPONSES]["Fn::If"]
    for kind, answer in with_domain.items():
        texts = {name: text["Fn::Sub"] for name, text in answer["responseTemplates"].items()}
        filled = {name: text.replace("${DomainName}", DOMAIN) for name, text in texts.items()}
        client.put_gateway_response(
            restApiId=stage.outputs["RestAPIId"],
            responseType=kind,
            **{**answer, "responseTemplates": filled},
        )


def routes() -> set[tuple[str, str]]:
    """Every method and path that the application has."""
    return {
        (method, path)
        for path, operations in application.api.operations.items()
        for method in with_head([*operations, "OPTIONS"])
    }


def disconnect() -> None:
    """Forget the table of a stage."""
    Item.disconnect()
