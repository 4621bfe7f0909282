"""An HTTP server that answers as it is told, and a certificate for it."""

import http.server
import shutil
import ssl
import subprocess
import threading
import time

import pytest


class Proxy(http.server.BaseHTTPRequestHandler):
    """Answers as it is told and keeps the headers.

    Attributes:
        trickle: set when nobody takes more; where it is there, the body is
            followed by a space again and again.
    """

    status, body, pause, trickle = 200, b"{}", 0, None

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        type(self).received = self.headers
        time.sleep(self.pause)
        self.send_response(self.status)
        if self.trickle is None:
            self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)
        while self.trickle and not self.trickle.wait(0.02):
            self.wfile.write(b" ")

    do_GET = do_POST

    def log_message(self, *args):
        pass


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 512


@pytest.fixture
def proxy():
    class Handler(Proxy):
        pass

    server = _Server(("localhost", 0), Handler)
    server.handle_error = lambda *args: None
    Handler.port = server.server_address[1]
    Handler.url = f"http://localhost:{Handler.port}"
    Handler.server = server
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield Handler
    server.shutdown()
    server.server_close()


def encrypt(proxy, certificate) -> str:
    """Makes the server speak TLS, and returns its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    proxy.server.socket = context.wrap_socket(proxy.server.socket, server_side=True)
    return f"https://localhost:{proxy.port}/team"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A folder with `cert.pem` and `key.pem`, for localhost."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ],
        check=True,
        cwd=folder,
        capture_output=True,
    )
    return folder
