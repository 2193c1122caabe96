"""The table of a stage, and the items that must or must not be in it."""

from collections.abc import Iterator
from typing import Any

from chalicelib.db import counters, keys
from chalicelib.db.table import get_many
from chalicelib.db.unique import UniqueName
from chalicelib.oauth.clients.authenticate import client_secret_matches
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.security.passwords import verify_password
from chalicelib.users.models import User
from tasks.doctor.report import BROKEN, GOOD, LOOK, WRONG, Finding, Subject
from tasks.seed import DOCUMENTATION, REDIRECT_URIS, SERVICE, SERVICE_SECRET, USERS

INDEX = "gsi1"
TTL = "expires_at"


def check_table(subject: Subject) -> Iterator[Finding]:
    """Check the table's keys, its index, and the removal of expired items."""
    name, table = subject.settings.table_name, subject.table
    advice = f"infra/table.yaml has it as it must be: invoke deploy --stage {subject.name}"
    if _keys(table) != ["pk", "sk"]:
        yield Finding(BROKEN, f"its keys are {_keys(table)}", advice)
    index = {each["IndexName"]: each for each in table.get("GlobalSecondaryIndexes", [])}.get(INDEX)
    if index is None:
        yield Finding(BROKEN, f"there is no index {INDEX}", advice)
    elif (_keys(index), index["Projection"]["ProjectionType"]) != (["gsi1pk", "gsi1sk"], "ALL"):
        yield Finding(BROKEN, f"the index {INDEX} has other keys or a part of the items", advice)
    for title, status in (("it", table["TableStatus"]), (INDEX, (index or {}).get("IndexStatus", "ACTIVE"))):
        if status != "ACTIVE":
            yield Finding(WRONG, f"{title} is {status}", "Wait, and run the doctor again.")
    ttl = subject.dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if (ttl["TimeToLiveStatus"], ttl.get("AttributeName")) not in (("ENABLED", TTL), ("ENABLING", TTL)):
        options = f"--time-to-live-specification Enabled=true,AttributeName={TTL}"
        advice = f"aws dynamodb update-time-to-live --table-name {name} {options}"
        yield Finding(WRONG, "expired items are not removed (TTL)", advice)
    yield Finding(GOOD, f"{name}: about {table.get('ItemCount', 0)} items")


def _keys(description: dict[str, Any]) -> list[str]:
    return [key["AttributeName"] for key in description["KeySchema"]]


def check_protection(subject: Subject) -> Iterator[Finding]:
    """Check point-in-time recovery, deletion protection, and encryption by KMS."""
    name, table = subject.settings.table_name, subject.table
    backups = subject.dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    options = "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
    enable = f"aws dynamodb update-continuous-backups --table-name {name} {options}"
    parameter = f'"DeletionProtection": "true" in infra/parameters/{subject.name}.json, and deploy'
    is_encrypted = table.get("SSEDescription", {}).get("Status") in ("ENABLED", "ENABLING", "UPDATING")
    rules = (
        (recovery == "ENABLED", "point-in-time recovery", enable),
        (table.get("DeletionProtectionEnabled"), "deletion protection", parameter),
        (is_encrypted, "encryption by a key of KMS", f"invoke deploy --stage {subject.name}"),
    )
    for is_met, what, advice in rules:
        yield Finding(GOOD, what) if is_met else Finding(WRONG, f"no {what}", advice)


def check_admins(subject: Subject) -> Iterator[Finding]:
    """Check that there is an active admin."""
    admins = counters.total(keys.ADMINS, get_many([keys.counter(keys.ADMINS)]))
    if admins > 0:
        yield Finding(GOOD, f"{admins} active")
    else:
        made = f"invoke users.create NAME EMAIL --admin --stage {subject.name}"
        yield Finding(WRONG, "there is no active admin", made)


def check_development(subject: Subject) -> Iterator[Finding]:
    """Check for accounts and secrets of the README."""
    flaws = [*_known_passwords(subject), *_known_clients(subject)]
    yield from flaws
    if not any(flaw.level == WRONG for flaw in flaws):
        yield Finding(GOOD, "no account or secret of the README")


def _known_passwords(subject: Subject) -> Iterator[Finding]:
    names = {keys.username(name): name for name in USERS}
    ids = [marker.item_id for marker in get_many(names).values() if isinstance(marker, UniqueName)]
    for user in get_many(keys.user(user_id) for user_id in ids).values():
        if not (isinstance(user, User) and user.is_active and user.username in USERS):
            continue
        if verify_password(str(USERS[user.username]["password"]), user.password_hash):
            advice = f"invoke users.disable {user.username} --stage {subject.name}, or users.reset-password"
            yield Finding(WRONG, f"{user.username} has the public password of the development data", advice)


def _known_clients(subject: Subject) -> Iterator[Finding]:
    clients = get_many([keys.client(SERVICE), keys.client(DOCUMENTATION)])
    service, documentation = clients.get(keys.client(SERVICE)), clients.get(keys.client(DOCUMENTATION))
    revoke = f"invoke clients.revoke {{}} --stage {subject.name}".format
    if isinstance(service, OAuth2Client) and client_secret_matches(service, SERVICE_SECRET):
        yield Finding(WRONG, f"{SERVICE} has the public secret of the development data", revoke(SERVICE))
    if isinstance(documentation, OAuth2Client) and set(documentation.redirect_uris) & set(REDIRECT_URIS):
        advice = f"If you don't need it: {revoke(DOCUMENTATION)}"
        yield Finding(LOOK, f"the client {DOCUMENTATION} is that of development", advice)
