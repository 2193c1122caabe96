"""The template of a stack: what Chalice writes, the fragments of infra/, and what follows from the code."""

import re
from functools import reduce
from typing import Any

from chalice.package import TemplateDeepMerger, YAMLTemplateSerializer

from chalicelib.settings import SES, Settings
from tasks.apigateway import gateway_responses
from tasks.cloud.package import Runtime
from tasks.stages import INFRA, settings_of

Template = dict[str, Any]

FUNCTION = "AWS::Serverless::Function"
# Files of infra/ that are no part of a stage's stack.
OWN_STACKS = ("bootstrap.yaml", "edge.yaml")
MAIL_IDENTITY = "MailIdentity"
GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"
ANY_METHOD = "x-amazon-apigateway-any-method"
# The gateway knows its own address; a domain is told to the functions, too.
OWN_URL, DOMAIN_URL = "https://$context.domainName/$context.stage", "https://${DomainName}"
ANYWHERE = re.compile(r"arn:\*:([a-z0-9-]+):\*:\*:")
TABLE = re.compile(r"(:table)/[^/]+")
HERE = r"arn:${AWS::Partition}:\1:${AWS::Region}:${AWS::AccountId}:"


def fragments(stage: str) -> Template:
    """Merge the files of infra/, as `chalice package --merge-template` takes only one."""
    reader, merger = YAMLTemplateSerializer(), TemplateDeepMerger()
    files = sorted(path for path in INFRA.glob("*.yaml") if path.name not in OWN_STACKS)
    loaded = [reader.load_template(path.read_text("utf-8"), str(path)) for path in files]
    own = {
        "Stage": {"Type": "String", "Default": stage, "AllowedValues": [stage]},
        # The stack's own, unless the stage's TABLE_NAME says otherwise (docs/operations.md, "Restore").
        "TableName": {"Type": "String", "Default": settings_of(stage).table_name},
    }
    merged: Template = reduce(merger.merge, loaded, {"Parameters": own})
    # Static, so that CloudFormation can adopt a table that a destroyed stack has left.
    merged["Resources"]["Table"]["Properties"]["TableName"] = f"grail-{stage}"
    return merged


def complete(template: Template, build: str, runtime: Runtime) -> Template:
    """Add to the merged template what follows from other parts of it.

    :param build: what GET /health shows, unless the deployment says otherwise.
    :param runtime: what the package is for; Chalice names the Python that it runs on.
    """
    run_on(template, runtime)
    template["Parameters"]["Build"] = {"Type": "String", "Default": build}
    body = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    call_alias(body)
    for path in body["paths"].values():
        # Undeclared methods go to the application, too: it answers 405 with Allow.
        path[ANY_METHOD] = next(iter(path.values()))
    variables = template["Resources"]["APIHandler"]["Properties"]["Environment"]["Variables"]
    settings = settings_of(variables["STAGE"])
    with_domain = gateway_responses(DOMAIN_URL, settings)
    for answer in with_domain.values():
        templates = answer["responseTemplates"]
        answer["responseTemplates"] = {kind: {"Fn::Sub": text} for kind, text in templates.items()}
    configured = settings.public_url
    answers = gateway_responses(configured or OWN_URL, settings)
    body[GATEWAY_RESPONSES] = {"Fn::If": ["HasDomain", with_domain, answers]}
    if configured:
        keep_public_url(template, configured)
    attach_stream(template)
    bound(template)
    name_mail_identity(template, settings)
    scoped: Template = scope_policies(template)
    return scoped


def call_alias(body: Template) -> None:
    """Send requests to the published version of the API's function, by its alias."""
    for path in body["paths"].values():
        for method in path.values():
            integration = method.get("x-amazon-apigateway-integration", {})
            if "Fn::Sub" in integration.get("uri", {}):
                text = integration["uri"]["Fn::Sub"].replace("${APIHandler.Arn}", "${Live}")
                integration["uri"] = {"Fn::Sub": [text, {"Live": {"Ref": "APIHandler.Alias"}}]}


def run_on(template: Template, runtime: Runtime) -> None:
    """Set what functions run on."""
    for resource in template["Resources"].values():
        if resource.get("Type") == FUNCTION:
            resource["Properties"] |= {"Runtime": runtime.name, "Architectures": [runtime.architecture]}


def bound(template: Template) -> None:
    """Set the permissions boundary on every role, where the account has one."""
    boundary = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]}
    for resource in template["Resources"].values():
        if resource.get("Type") == "AWS::IAM::Role":
            resource["Properties"]["PermissionsBoundary"] = boundary


def keep_public_url(template: Template, url: str) -> None:
    """Use the PUBLIC_URL of the configuration where the stack makes no domain."""
    functions = (each for each in template["Resources"].values() if each.get("Type") == FUNCTION)
    for function in functions:
        function["Properties"]["Environment"]["Variables"]["PUBLIC_URL"]["Fn::If"][2] = url


def name_mail_identity(template: Template, settings: Settings) -> None:
    """Set the identity that letters are sent as, where Amazon SES sends them: the domain of MAIL_FROM."""
    if settings.mail == SES and MAIL_IDENTITY in template["Parameters"]:
        domain = (settings.mail_from or "").rpartition("@")[2].rstrip(">")
        template["Parameters"][MAIL_IDENTITY]["Default"] = domain


def attach_stream(template: Template) -> None:
    """Attach functions that `app.on_dynamodb_record` declares to the table's own stream, which they turn on.

    Its ARN contains its creation time, which app.py cannot know, so the template refers to it.
    """
    events = [
        event["Properties"]
        for resource in template["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "DynamoDB"
    ]
    for properties in events:
        properties["Stream"] = {"Fn::GetAtt": ["Table", "StreamArn"]}
    if events:
        template["Parameters"]["Stream"]["Default"] = "yes"


def scope_policies(node: Any) -> Any:
    """Narrow the ARNs of policy files, which name any region and account, to the stack's, and its table."""
    if isinstance(node, list):
        return [scope_policies(each) for each in node]
    if isinstance(node, dict):
        return {name: scope_policies(each) for name, each in node.items()}
    if isinstance(node, str) and ANYWHERE.match(node):
        return {"Fn::Sub": TABLE.sub(r"\1/${TableName}", ANYWHERE.sub(HERE, node))}
    return node
