"""What operators rely on, on the local cloud: the log arrives, and a restored table takes over."""

import json
from typing import Any

import pytest

from tests.cloud.drive import drive, expect
from tests.cloud.stage import NAME, SCHEDULED, Stage

pytestmark = pytest.mark.cloud
RESTORED = f"grail-{NAME}-2"


def lines(stage: Stage, message: str) -> list[dict[str, Any]]:
    """The lines of a message, of all log groups."""
    found = [line for line in stage.logs().splitlines() if line.startswith("{")]
    return [line for line in map(json.loads, found) if line.get("message") == message]


def test_the_line_of_a_request_arrives(deployed: Stage) -> None:
    """Found by the id that the answer has, once, with what it took of the table."""
    token = deployed.sign_in().json["access_token"]
    answer = expect(200, deployed.api("GET", "/api/v1/users/me", token=token))
    told = lines(deployed, "request")
    (line,) = [each for each in told if each["request_id"] == answer.headers["x-request-id"]]
    assert (line["stage"], line["operation"], line["status"]) == (NAME, "get_me", 200)
    assert line["actor_id"] == answer.json["id"]
    assert line["round_trips"] == 1
    assert line["_aws"]["CloudWatchMetrics"]
    (sign_in,) = [each for each in told if each["operation"] == "create_token"]
    assert (sign_in["grant_type"], sign_in["tokens_issued"]) == ("password", 1)
    # this cloud does not report the capacity of BatchGetItem
    assert sign_in["write_units"] > 0


def test_the_clean_up_tells_what_it_did(deployed: Stage) -> None:
    """One line per run."""
    deployed.account.client("lambda").invoke(
        FunctionName=f"grail-{NAME}-clean_up", Payload=json.dumps(SCHEDULED).encode()
    )
    (line,) = [each for each in lines(deployed, "job") if each["operation"] == "clean_up"]
    assert (line["removed"], line["level"]) == (0, "INFO")


def test_a_restored_table_takes_over_and_the_old_one_stays(deployed: Stage) -> None:
    """As docs/operations.md says, the switch is one setting; no table is made, replaced or deleted."""
    token = deployed.sign_in().json["access_token"]
    restore(deployed)
    deployed.said.clear()
    deployed.deploy(TableName=RESTORED)
    assert [line for line in deployed.said if "(DynamoDB Table)" in line] == []
    drive(deployed)
    team = expect(201, deployed.api("POST", "/api/v1/teams", token=token, data={"title": "New"})).json
    assert holds(deployed, RESTORED, team["id"])
    assert not holds(deployed, f"grail-{NAME}", team["id"])
    deployed.deploy(TableName=f"grail-{NAME}")
    assert deployed.api("GET", f"/api/v1/teams/{team['id']}", token=token).status == 404


def restore(stage: Stage) -> None:
    """Make the table that a restore makes: same keys, same items."""
    client = stage.account.client("dynamodb")
    found = client.describe_table(TableName=f"grail-{NAME}")["Table"]
    indexes = [
        {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
        for index in found["GlobalSecondaryIndexes"]
    ]
    client.create_table(
        TableName=RESTORED,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=found["AttributeDefinitions"],
        KeySchema=found["KeySchema"],
        GlobalSecondaryIndexes=indexes,
    )
    for item in client.scan(TableName=f"grail-{NAME}")["Items"]:
        client.put_item(TableName=RESTORED, Item=item)


def holds(stage: Stage, table: str, text: str) -> bool:
    """Whether anything in a table contains a text."""
    return text in repr(stage.account.client("dynamodb").scan(TableName=table)["Items"])
