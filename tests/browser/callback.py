"""A third party's application: a client, and the server behind its redirect URI."""

import datetime as dt
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.api.code_tools import VERIFIER, query_of
from tests.e2e.stack import Stack

HOST = "127.0.0.1"
SITE = "team.example"  # leads to this machine; for loopback addresses consent is always asked
SCOPE = "teams:read users:read"
ELSEWHERE = "https://planner.example/callback"  # registered, too; nobody is there


class Callback(ThreadingHTTPServer):
    """Keeps what it was asked for, and may send people on; over TLS, as a web app's is."""

    def __init__(self, folder: Path) -> None:
        super().__init__((HOST, 0), _Handler)
        self.seen: list[str] = []
        self.onward = ""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(folder / "callback.pem"))
        self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Callback

    def do_GET(self) -> None:
        is_callback = self.path.startswith("/callback")  # browsers ask for an icon, too
        if is_callback:
            self.server.seen.append(self.path)
        onward = self.server.onward if is_callback else ""
        self.send_response(302 if onward else 200)
        self.send_header(*(("Location", onward) if onward else ("Content-Type", "text/html")))
        self.end_headers()
        self.wfile.write(b"" if onward else b"<title>Back at the app</title>")

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def _certificate(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, SITE)])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    certificate = made.sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(text + certificate.public_bytes(pem))
    return path


class App:
    """A client that nobody has consented to."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self.server = Callback(folder)
        self.redirect_uri = f"https://{SITE}:{self.server.server_port}/callback"
        token = stack.token("root", "q").json["access_token"]
        body = {
            "client_name": "Team Planner",
            "client_type": "public",
            "redirect_uris": [self.redirect_uri, ELSEWHERE],
            "default_scopes": SCOPE.split(),
        }
        answer = stack.api("POST", "/api/v1/auth/oauth2_clients", token=token, data=body)
        self.client_id = answer.json["client_id"]

    def address(self, **changes: str) -> str:
        """Where it sends people to."""
        query = query_of(self.client_id, **{"redirect_uri": self.redirect_uri, "scope": SCOPE, **changes})
        return f"{self.stack.url}/auth/oauth2/authorize?{urlencode(query)}"

    @property
    def answer(self) -> dict[str, list[str]]:
        """What came back last."""
        return parse_qs(urlsplit(self.server.seen[-1]).query)

    def redeem(self) -> int:
        """Exchange the code, and use the token."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "code": self.answer["code"][0],
            "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER,
        }
        tokens = self.stack.api("POST", "/auth/oauth2/token", form=form).json
        return self.stack.api("GET", "/api/v1/users/me", token=tokens["access_token"]).status

    def close(self) -> None:
        """End its server."""
        self.server.shutdown()
        self.server.server_close()
