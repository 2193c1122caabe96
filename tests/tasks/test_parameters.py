"""What the parameters of a stack make, which of their combinations are refused, and in which partitions."""

import re
from typing import Any

import pytest
from chalice.package import YAMLTemplateSerializer

from tasks.cloud.template import OWN_STACKS, fragments
from tasks.processes import project_folder
from tasks.stages import INFRA

TEMPLATE = fragments("dev")
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/0"
DOMAIN, ZONE = {"DomainName": "api.grail.test"}, {"HostedZoneId": "Z0"}
OWN = {"CertificateArn": CERTIFICATE}
FIREWALL = {"Firewall", "FirewallAssociation", "FirewallLogging", "FirewallLogs"}
RECORDS = {"DomainRecord", "DomainRecordIpv6"}
WARM = {"ProvisionedConcurrency": "1"}


def value(node: Any, values: dict[str, str]) -> Any:
    """Evaluate a condition as CloudFormation does."""
    if not isinstance(node, dict):
        return node
    ((name, found),) = node.items()
    match name:
        case "Ref":
            return values[found]
        case "Condition":
            return value(TEMPLATE["Conditions"][found], values)
        case "Fn::Equals":
            return value(found[0], values) == value(found[1], values)
    parts = [bool(value(each, values)) for each in found]
    return {"Fn::And": all(parts), "Fn::Or": any(parts), "Fn::Not": not parts[0]}[name]


def values(chosen: dict[str, str]) -> dict[str, str]:
    """The values of all parameters, the defaults included."""
    defaults = {name: str(each["Default"]) for name, each in TEMPLATE["Parameters"].items()}
    return {**defaults, "AWS::Partition": "aws", **chosen}


def made(chosen: dict[str, str], condition: str) -> set[str]:
    """The resources that there are with some values, of those that depend on a parameter."""
    given = values(chosen)
    found = TEMPLATE["Resources"].items()
    conditions = {name: each["Condition"] for name, each in found if "Condition" in each}
    there = {name for name, each in conditions.items() if value({"Condition": each}, given)}
    return {name for name in there if re.match(condition, name)}


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, set()),
        ({**DOMAIN, **OWN}, {"Domain", "DomainMapping"}),
        ({**DOMAIN, **OWN, **ZONE}, {"Domain", "DomainMapping"} | RECORDS),
        ({**DOMAIN, **ZONE}, {"Certificate", "Domain", "DomainMapping"} | RECORDS),
    ],
    ids=["none", "certificate", "certificate and zone", "zone"],
)
def test_a_zone_gets_the_records_and_makes_a_certificate_where_none_is_named(
    chosen: dict[str, str], expected: set[str]
) -> None:
    """The domain uses the one that there is."""
    assert made(chosen, "Domain|Certificate") == expected
    arn = TEMPLATE["Resources"]["Domain"]["Properties"]["RegionalCertificateArn"]["Fn::If"]
    assert arn == ["MakesCertificate", {"Ref": "Certificate"}, {"Ref": "CertificateArn"}]


def test_a_domain_answers_over_ipv4_and_ipv6_by_tls_12_at_least() -> None:
    """Both records lead to the same place, which takes both, as the API does."""
    resources = TEMPLATE["Resources"]
    records = [resources[name]["Properties"] for name in sorted(RECORDS)]
    assert [each["Type"] for each in records] == ["A", "AAAA"]
    assert records[0]["AliasTarget"] == records[1]["AliasTarget"]
    assert resources["RestAPI"]["Properties"]["EndpointConfiguration"] == {
        "Type": "REGIONAL",
        "IpAddressType": "dualstack",
    }
    domain = resources["Domain"]["Properties"]
    assert domain["EndpointConfiguration"] == {"Types": ["REGIONAL"], "IpAddressType": "dualstack"}
    assert domain["SecurityPolicy"] == "TLS_1_2"


@pytest.mark.parametrize(
    ("chosen", "refused"),
    [
        ({}, []),
        ({**DOMAIN, **OWN}, []),
        ({**DOMAIN, **ZONE}, []),
        (DOMAIN, ["DomainName needs CertificateArn, or HostedZoneId for a certificate that is made."]),
        (OWN, ["CertificateArn and HostedZoneId need DomainName."]),
        (ZONE, ["CertificateArn and HostedZoneId need DomainName."]),
        ({"SnapStart": "yes", **WARM}, ["SnapStart and ProvisionedConcurrency exclude each other."]),
    ],
    ids=["none", "certificate", "zone", "nothing for a domain", "no domain", "only a zone", "both ways"],
)
def test_parameters_that_do_not_go_together_are_refused(chosen: dict[str, str], refused: list[str]) -> None:
    """CloudFormation says so before it changes anything."""
    given = values(chosen)
    rules = [each for each in TEMPLATE["Rules"].values() if value(each["RuleCondition"], given)]
    asserted = [each for rule in rules for each in rule["Assertions"]]
    assert [each["AssertDescription"] for each in asserted if not value(each["Assert"], given)] == refused


@pytest.mark.parametrize(("chosen", "expected"), [("no", set()), ("yes", FIREWALL)])
def test_a_firewall_is_there_with_its_logs_or_not_at_all(chosen: str, expected: set[str]) -> None:
    """One parameter makes all four."""
    assert made({"WebAcl": chosen}, "Firewall") == expected


def test_the_firewall_lets_through_what_the_application_takes() -> None:
    """Behaviour 48, RFC 8252 §7.3: AWS's rules block bodies over 8 KB, http://127.0.0.1, "../" in a text."""
    (rules,) = [
        each["Statement"]["ManagedRuleGroupStatement"]
        for each in TEMPLATE["Resources"]["Firewall"]["Properties"]["Rules"]
        if "ManagedRuleGroupStatement" in each["Statement"]
    ]
    counted = {each["Name"] for each in rules["RuleActionOverrides"] if each["ActionToUse"] == {"Count": {}}}
    rules_of_texts = ("CrossSiteScripting", "EC2MetaDataSSRF", "GenericLFI", "GenericRFI")
    texts = {f"{rule}_{part}" for rule in rules_of_texts for part in ("BODY", "QUERYARGUMENTS")}
    sizes = {"SizeRestrictions_BODY", "SizeRestrictions_QUERYSTRING"}
    assert counted == texts | sizes | {"NoUserAgent_HEADER", "RestrictedExtensions_QUERYARGUMENTS"}


def test_logs_and_samples_of_the_firewall_hold_no_credentials() -> None:
    """Tokens, cookies, queries and bodies are replaced; logs are of what a rule matched only."""
    firewall = TEMPLATE["Resources"]["Firewall"]["Properties"]
    protected = firewall["DataProtectionConfig"]["DataProtections"]
    assert {each["Action"] for each in protected} == {"SUBSTITUTION"}
    fields = {each["Field"]["FieldType"]: each["Field"].get("FieldKeys") for each in protected}
    assert fields == {"SINGLE_HEADER": ["authorization", "cookie"], "QUERY_STRING": None, "BODY": None}
    logging = TEMPLATE["Resources"]["FirewallLogging"]["Properties"]
    assert logging["RedactedFields"] == [
        {"SingleHeader": {"Name": "authorization"}},
        {"SingleHeader": {"Name": "cookie"}},
        {"QueryString": {}},
    ]
    (kept,) = logging["LoggingFilter"]["Filters"]
    actions = {each["ActionCondition"]["Action"] for each in kept["Conditions"]}
    assert (logging["LoggingFilter"]["DefaultBehavior"], kept["Behavior"]) == ("DROP", "KEEP")
    assert actions == {"BLOCK", "COUNT", "EXCLUDED_AS_COUNT"}


def test_the_firewall_writes_to_the_stacks_own_log_group() -> None:
    """AWS WAF takes only names with its prefix, and the ARN without the end of the attribute's."""
    resources = TEMPLATE["Resources"]
    name = resources["FirewallLogs"]["Properties"]["LogGroupName"]["Fn::Sub"]
    (target,) = resources["FirewallLogging"]["Properties"]["LogDestinationConfigs"]
    assert name.startswith("aws-waf-logs-")
    assert target["Fn::Sub"].endswith(f":log-group:{name}")


def test_a_table_key_is_granted_as_dynamodb_demands() -> None:
    """At least these (DynamoDB's developer guide), and through DynamoDB only."""
    policies = [each for name, each in TEMPLATE["Resources"].items() if name.endswith("TableKeyPolicy")]
    assert len(policies) == 2
    for policy in policies:
        (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
        assert set(statement["Action"]) == {
            f"kms:{action}"
            for action in (
                "CreateGrant",
                "Decrypt",
                "DescribeKey",
                "Encrypt",
                "GenerateDataKey",
                "GenerateDataKeyWithoutPlaintext",
                "ReEncryptFrom",
                "ReEncryptTo",
            )
        }
        assert "kms:ViaService" in statement["Condition"]["StringEquals"]


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_codedeploy_is_trusted_by_its_name_in_the_partition(partition: str) -> None:
    """In China services with a name of their own have the region in it."""
    role = TEMPLATE["Resources"]["RolloutRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    condition, there, elsewhere = role["Principal"]["Service"]["Fn::If"]
    is_there = value({"Condition": condition}, values({"AWS::Partition": partition}))
    assert is_there == (partition == "aws-cn")
    assert (there["Fn::Sub"], elsewhere) == (
        "codedeploy.${AWS::Region}.${AWS::URLSuffix}",
        "codedeploy.amazonaws.com",
    )


def test_nothing_names_a_partition() -> None:
    """The ARNs of templates and policies are right in China and in GovCloud, too."""
    files = [*INFRA.glob("*.yaml"), *(project_folder() / ".chalice").glob("*.json")]
    assert len(files) > 10
    named = re.compile(r"arn:aws[a-z-]*:")
    assert [path.name for path in files if named.search(path.read_text("utf-8"))] == []


def test_each_exception_from_a_policy_has_its_reason() -> None:
    """At the resource, where whoever changes it sees it; Checkov itself would take none."""
    read = YAMLTemplateSerializer().load_template
    others = [read((INFRA / name).read_text("utf-8"), name) for name in OWN_STACKS]
    resources = [each for document in (TEMPLATE, *others) for each in document["Resources"].values()]
    skipped = [
        skip for each in resources for skip in each.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]
    assert len(skipped) > 20
    assert [
        skip for skip in skipped if not (skip["id"].startswith("CKV") and len(skip["comment"]) > 10)
    ] == []
