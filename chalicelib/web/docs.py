"""The documentation page, its static files, and the OpenAPI document as JSON and YAML."""

import gzip
import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from marshmallow import Schema, fields, validate

from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.call import Call
from chalicelib.web.endpoint import Api
from chalicelib.web.fields import pattern_metadata
from chalicelib.web.media import HTML, JSON, YAML
from chalicelib.web.operation import Docs, Gives, Operation, Reply, Takes

FOLDER = Path(__file__).with_name("static")
# Sent as text, and compressed by API Gateway (minimum_compression_size): a gzip body of ours would be binary,
# which Chalice and API Gateway give only to those whose Accept names a binary type, and no browser's does.
TYPES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "docs.css": "text/css",
    "pages.css": "text/css",
    "docs.js": "text/javascript",
    "accessible.js": "text/javascript",
    "oauth2-redirect.js": "text/javascript",
    "logo.svg": "image/svg+xml",
}
# Swagger UI draws its icons as data: images; nothing else comes from anywhere but here.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REVALIDATE = "no-cache"
KEEP = "public, max-age=31536000, immutable"  # the page names each file with the digest of its content
DIGEST = 16  # characters
VERSION = re.compile("[0-9a-z]*")
BRIEFLY = "public, max-age=3600"
DESCRIPTION = Operation(
    access=Access(PUBLIC), gives=Gives(no_store=False, etag=True), docs=Docs(relation="service-desc")
)


class StaticFileQuery(Schema):
    """Which content of a file is meant."""

    v = fields.String(
        load_default="",
        validate=validate.Length(max=DIGEST),
        metadata=pattern_metadata(
            VERSION, DIGEST, description="Digest of the content: the answer may be kept for a year then."
        ),
    )


@Operation(
    access=Access(PUBLIC),
    gives=Gives(types=(HTML,), no_store=False, etag=True),
    docs=Docs(relation="service-doc"),
)
def get_documentation(call: Call) -> Reply:
    """Show this documentation as a page that signs in and tries operations out."""
    return _page(call, "index.html")


@Operation(access=Access(PUBLIC), gives=Gives(types=(HTML,), no_store=False, etag=True))
def get_documentation_redirect(call: Call) -> Reply:
    """Take the documentation page's authorization codes: its redirect URI."""
    return _page(call, "oauth2-redirect.html")


def _page(call: Call, name: str) -> Reply:
    headers = {"Cache-Control": REVALIDATE, "Content-Security-Policy": PAGE_POLICY}
    base = urlsplit(call.request.base_url).path
    return Reply(page(name, base, is_local=call.context.settings.is_local), HTML, headers)


@Operation(
    access=Access(PUBLIC, choices={"file": TYPES}),
    takes=Takes(query=StaticFileQuery),
    gives=Gives(types=tuple(sorted(set(TYPES.values()))), no_store=False, etag=True),
)
def get_static_file(call: Call) -> Reply:
    """Return a file that the documentation page is made of."""
    name = call.params["file"]
    is_named = call.query["v"] == digest(name)
    return Reply(read(name), TYPES[name], {"Cache-Control": KEEP if is_named else BRIEFLY})


def openapi(api: Api, scopes: Mapping[str, str]) -> tuple[Operation, Operation, Operation]:
    """Declare the OpenAPI document: as JSON, in version 3.1 as JSON, and as YAML."""

    @lru_cache(maxsize=8)
    def text(base_url: str, form: str) -> str:
        # Imported when it is asked for: no other request's cold start pays for apispec.
        from chalicelib.web.openapi.document import build, write  # noqa: PLC0415 - see above

        return write(build(api.operations, scopes, base_url, api.groups), form)

    def reply(call: Call, form: str, media_type: str = JSON) -> Reply:
        return Reply(text(call.request.base_url, form), media_type, {"Cache-Control": REVALIDATE})

    @DESCRIPTION
    def get_openapi_json(call: Call) -> Reply:
        """Return the OpenAPI document as JSON."""
        return reply(call, "json")

    @DESCRIPTION
    def get_openapi31_json(call: Call) -> Reply:
        """Return the OpenAPI document in version 3.1, as JSON."""
        return reply(call, "3.1")

    @replace(DESCRIPTION, gives=replace(DESCRIPTION.gives, types=(YAML,)))
    def get_openapi_yaml(call: Call) -> Reply:
        """Return the OpenAPI document as YAML."""
        return reply(call, "yaml", YAML)

    return get_openapi_json, get_openapi31_json, get_openapi_yaml


@lru_cache(maxsize=8)
def page(name: str, base: str, *, is_local: bool = False) -> str:
    """Write a page of a stage.

    :param base: what stands in front of every path, such as the stage's name.
    """
    text = (FOLDER / name).read_text("utf-8").replace("{{base}}", html.escape(base))
    text = text.replace("{{local}}", (FOLDER / "local.html").read_text("utf-8") if is_local else "")
    return re.sub(r"{{static/([\w.-]+)}}", lambda found: html.escape(static_address(base, found[1])), text)


def static_address(base: str, name: str) -> str:
    """Return the path of a static file, which changes with its content."""
    return f"{base}/api/v1/static/{name}?v={digest(name)}"


@lru_cache(maxsize=len(TYPES))
def read(name: str) -> str:
    """Read a static file, once."""
    packed = FOLDER / f"{name}.gz"
    if packed.exists():
        return gzip.decompress(packed.read_bytes()).decode("utf-8")
    return (FOLDER / name).read_text("utf-8")


@lru_cache(maxsize=len(TYPES))
def digest(name: str) -> str:
    """Return a name for the content of a static file."""
    return hashlib.sha256(read(name).encode()).hexdigest()[:DIGEST]
