"""Documents that others look for at well-known addresses: the API catalog and security.txt."""

import json
from datetime import UTC, datetime, time, timedelta

from chalicelib.errors import NotFoundError
from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.call import Call
from chalicelib.web.endpoint import Api
from chalicelib.web.media import LINKSET, PLAIN
from chalicelib.web.operation import Docs, Gives, Operation, Reply

CATALOG_PROFILE = "https://www.rfc-editor.org/info/rfc9727"
MAX_AGE = "public, max-age=3600"
SECURITY_TXT_LIFETIME = timedelta(days=180)  # RFC 9116 §2.5.5: less than a year


def api_catalog(api: Api) -> Operation:
    """Declare the API catalog (RFC 9727): a link to every operation that declares a relation."""

    @Operation(
        access=Access(PUBLIC),
        gives=Gives(types=(LINKSET,), no_store=False, etag=True),
        docs=Docs(headers=("Link",)),
    )
    def get_api_catalog(call: Call) -> Reply:
        """List this API, its descriptions, its documentation and its status (RFC 9727, RFC 9264)."""
        base, catalog = call.request.base_url, call.request.base_url + call.paths["get_api_catalog"]
        links: dict[str, list[dict[str, str]]] = {}
        for path, methods in api.operations.items():
            for operation in methods.values():
                if operation.docs.relation:
                    link = {"href": base + path, "type": operation.gives.types[0]}
                    links.setdefault(operation.docs.relation, []).append(link)
        linkset = [{"anchor": catalog, "item": [{"href": base}]}, {"anchor": base, **links}]
        headers = {
            "Content-Type": f'{LINKSET}; profile="{CATALOG_PROFILE}"',
            "Cache-Control": MAX_AGE,
            "Link": f'<{catalog}>; rel="api-catalog"',
        }
        return Reply(json.dumps({"linkset": linkset}), LINKSET, headers)

    return get_api_catalog


@Operation(
    access=Access(PUBLIC),
    gives=Gives(types=(PLAIN,), no_store=False, etag=True),
    docs=Docs(problems=(NotFoundError,)),
)
def get_security_txt(call: Call) -> Reply:
    """Return where vulnerabilities are reported (RFC 9116), if the stage has a contact for that.

    :raises NotFoundError: it has none.
    """
    contact = call.context.settings.security_contact
    if contact is None:
        raise NotFoundError
    fields = {
        "Contact": contact,
        "Expires": expires(datetime.now(UTC)),
        "Preferred-Languages": "en",
        "Canonical": call.url_for(get_security_txt),
    }
    text = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return Reply(text, PLAIN, {"Cache-Control": MAX_AGE})


def expires(now: datetime) -> str:
    """Return when a security.txt that is read now is out of date; the same all day, and so is its ETag."""
    last = datetime.combine(now.date() + SECURITY_TXT_LIFETIME, time(), UTC)
    return last.isoformat().replace("+00:00", "Z")
