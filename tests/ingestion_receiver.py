"""Application Insights' way in, on loopback: takes what the exporter of Azure Monitor sends and keeps it."""

import gzip
import json
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

from devkit.vault.certificates import Certificates


class IngestionReceiver:
    """`bodies` are the requests as they came, decompressed; `authorizations` what they brought along.

    It serves https with the certificates of a local vault.
    """

    def __init__(self, certificates: Certificates) -> None:
        self.bodies: list[bytes] = []
        self.authorizations: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path.endswith("/track"):
                    receiver.bodies.append(body)
                    receiver.authorizations.append(self.headers.get("Authorization", ""))
                answer = json.dumps({"itemsReceived": 1, "itemsAccepted": 1, "errors": []}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificates.certificate, certificates.key)
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        origin = f"https://127.0.0.1:{self._server.server_port}/"
        key = "00000000-0000-0000-0000-000000000000"
        self.connection_string = f"InstrumentationKey={key};IngestionEndpoint={origin};LiveEndpoint={origin}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def items(self, kind: str) -> list[dict[str, Any]]:
        """Return what came of a kind, such as `RemoteDependencyData`: its `tags`, and the `baseData` of that kind."""
        return [
            {"tags": item["tags"], "baseData": item["data"]["baseData"]}
            for body in self.bodies
            for item in json.loads(body)
            if item["data"]["baseType"] == kind
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
