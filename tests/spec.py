"""Checks answers against the OpenAPI document, which has to describe them completely."""

import copy
import json
import re
from functools import cache
from typing import Any

from openapi_schema_validator import OAS30Validator, oas30_format_checker

import app as application
from chalicelib.scopes import DESCRIPTIONS
from chalicelib.settings import LOCAL_URL
from chalicelib.web.openapi.document import build
from tests.http import Answer

DOCUMENT = build(application.api.operations, DESCRIPTIONS, LOCAL_URL, application.api.groups)


class SpecCheck:
    """Checks answers against a document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = copy.deepcopy(document)
        for model in self.document["components"]["schemas"].values():
            # Clients are told that answers may get more fields in time; here, more is a mistake.
            if model["type"] == "object":
                model["additionalProperties"] = False
        # literal paths before those with parameters: /users/me is no user
        paths = sorted(document["paths"], key=lambda path: ("{" in path, path))
        self.paths = [(re.compile(re.sub(r"{\w+}", "[^/]+", path)), path) for path in paths]
        self.validator = cache(self._validator)

    def __call__(self, method: str, path: str, answer: Answer) -> None:
        """Check one answer; those about unknown paths and methods have no operation to be held to."""
        template = self._template(path.split("?", maxsplit=1)[0].rstrip("/"))
        entry = self.document["paths"].get(template, {}).get(method.lower() if method.isupper() else "")
        if entry is None:
            return
        where = f"{method} {path}: {answer.status}"
        response = self._resolve(entry["responses"].get(str(answer.status)))
        assert response, f"{where} is not in the document: {answer.body[:500]!r}"
        self._check_headers(where, response, answer)
        self._check_body(where, template, method, answer, response.get("content"))

    def _template(self, path: str) -> str:
        return next((found for pattern, found in self.paths if pattern.fullmatch(path)), "")

    def _resolve(self, node: Any) -> Any:
        if node and "$ref" in node:
            _, _, kind, name = node["$ref"].split("/")
            return self.document["components"][kind][name]
        return node

    def _check_headers(self, where: str, response: dict[str, Any], answer: Answer) -> None:
        shown = {name.lower() for name in response["headers"]}
        known = {name.lower() for name in self.document["components"]["headers"]}
        more = (known & answer.headers.keys()) - shown
        assert not more, f"{where} has headers that the document does not: {more}"

    def _check_body(self, where: str, template: str, method: str, answer: Answer, content: Any) -> None:
        if content is None:
            assert answer.body == b"", f"{where} has a body"
            return
        media_type = answer.headers["content-type"].split(";")[0]
        assert media_type in content, f"{where} is of the type {media_type}"
        if media_type.endswith("json"):
            validator = self.validator(template, method.lower(), str(answer.status), media_type)
            errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer.json)]
            assert not errors, f"{where} breaks its schema: {errors}"

    def _validator(self, template: str, method: str, status: str, media_type: str) -> OAS30Validator:
        responses = self.document["paths"][template][method]["responses"]
        schema = self._resolve(responses[status])["content"][media_type]["schema"]
        whole = {"components": {"schemas": self.document["components"]["schemas"]}, "allOf": [schema]}
        # a copy without the document's other parts, which the validator need not look through
        return OAS30Validator(json.loads(json.dumps(whole)), format_checker=oas30_format_checker)
