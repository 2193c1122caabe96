"""The OpenAPI document as a file."""

import json
from typing import Any

import app as application
from chalicelib.scopes import DESCRIPTIONS
from chalicelib.settings import LOCAL_URL
from chalicelib.web.media import FORM, JSON
from chalicelib.web.openapi.document import as_yaml, build
from chalicelib.web.openapi.version_31 import to_31
from tasks.apigateway import for_apigateway
from tasks.errors import TaskError
from tasks.stages import configuration

FORMATS = ("json", "yaml")
TARGETS = ("", "apigateway")
VERSIONS = ("3.0", "3.1")


def export(
    form: str,
    target: str = "",
    url: str = "",
    function: str = "",
    *,
    json_only: bool = False,
    version: str = VERSIONS[0],
) -> str:
    """Return the document as text.

    :param form: json or yaml.
    :param target: apigateway adds what API Gateway imports beside the interface.
    :param url: the API's public URL, by default that of the settings.
    :param function: the ARN of the function, for apigateway.
    :param json_only: leave out the forms of bodies that may be JSON.
    :param version: of OpenAPI: 3.0 or 3.1.
    """
    if function and function.count(":") < 6:
        raise TaskError("--function is an ARN: arn:aws:lambda:REGION:ACCOUNT:function:NAME.")
    if form not in FORMATS or target not in TARGETS:
        raise TaskError(f"--format is one of {', '.join(FORMATS)}; --target is apigateway, or left out.")
    if version not in VERSIONS or (target and version != VERSIONS[0]):
        raise TaskError(f"--version is one of {', '.join(VERSIONS)}; API Gateway imports {VERSIONS[0]}.")
    base = url.rstrip("/") or application.settings.public_url or LOCAL_URL
    document = build(application.api.operations, DESCRIPTIONS, base, application.api.groups)
    if json_only:
        drop_forms(document)
    if target:
        document = for_apigateway(
            document,
            application.settings,
            binary_types=list(application.app.api.binary_types),
            compress_from=configuration()["minimum_compression_size"],
            function=function or None,
        )
    if version == VERSIONS[1]:
        document = to_31(document)
    return as_yaml(document) if form == "yaml" else json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def drop_forms(document: dict[str, Any]) -> None:
    """Leave out the form of each body that may be JSON, for generators that cannot choose between the two."""
    for methods in document["paths"].values():
        for operation in methods.values():
            content = operation.get("requestBody", {}).get("content", {})
            if JSON in content:
                content.pop(FORM, None)
