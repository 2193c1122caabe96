"""Who sent a request that came through a distribution of CloudFront (infra/edge.yaml)."""

import hmac
import ipaddress

from chalicelib.security.keystore import Keystore
from chalicelib.web.request import Request

# The distribution sets both, over what the viewer sends under these names.
SECRET, VIEWER = "x-edge-secret", "cloudfront-viewer-address"


def source_behind(request: Request, keystore: Keystore) -> str:
    """Return the address that the distribution saw, if it proves to be ours, else the gateway's.

    So a caller who passes it by, or sends these headers, is counted under the address that it has.
    """
    given = request.headers.get(SECRET)
    if given is None:
        return request.source
    secret = keystore.keyring().edge_secret
    if secret is None or not hmac.compare_digest(given.encode(), secret.encode()):
        return request.source
    address = request.headers.get(VIEWER, "").rpartition(":")[0].strip("[]")  # the viewer's port follows
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return request.source
