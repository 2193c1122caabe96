"""What runs on a schedule when deployed, runs locally too."""

import json
import time
import urllib.request
from typing import Any

from tests.e2e.stack import Stack

CLEANED_WITHIN = 30  # seconds; it takes two


def dynamodb(stack: Stack, operation: str, **body: Any) -> Any:
    """Ask the engine itself."""
    headers = {
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request",
    }
    request = urllib.request.Request(stack.endpoint, json.dumps(body).encode(), headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def items_of(stack: Stack, team: str) -> list[str]:
    """The sort keys of all items with a team in their key: itself, its index entry, its members."""
    found = dynamodb(stack, "Scan", TableName="grail-local")["Items"]
    # notes of what refers to a team stay for minutes
    items = [item for item in found if item["kind"]["S"] != "cascade"]
    return [item["sk"]["S"] for item in items if team in item["pk"]["S"] + item["sk"]["S"]]


def test_a_deleted_team_leaves_no_membership(stack: Stack) -> None:
    """Behaviour 63: the local server cleans up by itself, soon after a deletion."""
    token = stack.token("user", "w").json["access_token"]
    team = stack.api("POST", "/api/v1/teams", token=token, data={"title": "Engines"}).json["id"]
    assert len(items_of(stack, team)) == 3
    assert stack.api("DELETE", f"/api/v1/teams/{team}", token=token).status == 204
    deadline = time.monotonic() + CLEANED_WITHIN
    while items_of(stack, team) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert items_of(stack, team) == []
