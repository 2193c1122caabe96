"""What docs/architecture.md says of the table."""

import re

from chalicelib.db import keys
from tasks.data.items import known_kinds
from tests.architecture.source import ROOT

ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+?) \|", re.MULTILINE)
TABLE = ROW.findall((ROOT / "docs" / "architecture.md").read_text("utf-8"))
ROWS = {kind: (pk, sk) for kind, pk, sk in TABLE}


def test_every_kind_is_in_the_table_of_kinds() -> None:
    """None is missing, and none is invented."""
    kinds = known_kinds().items()
    assert ROWS.keys() == {name for name, kind in kinds if kind.__module__.startswith("chalicelib.")}


def test_keys_are_those_of_the_code() -> None:
    """The templates in the documentation begin as those in keys.py do."""
    made = {
        "user": keys.user(""),
        "team": keys.team(""),
        "member": keys.member("", ""),
        "cleanup": keys.cleanup(""),
        "oauth2_client": keys.client(""),
        "token_family": keys.family("", ""),
        "used_refresh_token": keys.used_refresh_token("", ""),
        "authorization_code": keys.authorization_code("", ""),
        "consent": keys.consent("", ""),
        "link": keys.link("", ""),
        "account_session": keys.account_session("", ""),
        "used_ticket": keys.used_ticket(""),
        "revoked_token": keys.revoked_token(""),
        "audit_event": keys.audit_event("", "x"),
        "kept_answer": keys.kept_answer(""),
    }
    for kind, key in made.items():
        pk, sk = ROWS[kind]
        assert (pk.startswith(f"`{key.pk.rstrip('x')}"), sk.startswith(f"`{key.sk}")) == (True, True), kind
    assert [pk for kind, pk, _ in TABLE if kind == "unique_name"] == [
        "`USERNAME#{name}`",
        "`EMAIL#{address}`",
        "`UNIQUE#{kind}#{field}#{value}`",
    ]
