"""Fixtures: an S3 server of this machine, and a proxy before it that fails."""

import http.client
import http.server
import socket
import subprocess
import sys
import threading
import time
import uuid
from contextlib import closing, suppress
from functools import partial
from urllib.request import Request, urlopen

import pytest

from fastpack.storage.location import parse_url
from fastpack.storage.objects import list_objects, put_object, read_object


def start_server():
    """Start an S3 server of this machine; return its process and its URL."""
    code = (
        "from moto.server import main; import sys;"
        "main(['-H', '127.0.0.1', '-p', sys.argv[1]])"
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        with suppress(OSError):
            urlopen(url).close()
            return process, url
        time.sleep(0.1)
    process.kill()
    pytest.fail("the S3 server did not start")


@pytest.fixture(scope="session")
def s3_server():
    """Return the URL of an S3 server that lives as long as the tests."""
    pytest.importorskip("moto")
    pytest.importorskip("obstore")
    process, url = start_server()
    yield url
    process.kill()
    process.wait()


def options_for(endpoint):
    return {
        "aws_access_key_id": "key",
        "aws_secret_access_key": "never-to-be-seen",
        "aws_region": "us-east-1",
        "aws_endpoint_url": endpoint,
        "aws_allow_http": "true",
    }


@pytest.fixture
def options(s3_server):
    """Return the storage options for the server."""
    return options_for(s3_server)


@pytest.fixture
def in_environment(options, monkeypatch):
    """Have the environment say the same."""
    for name, value in options.items():
        monkeypatch.setenv(name.upper(), value)


def make_bucket(s3_server):
    """Make a bucket; return its URL."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    urlopen(Request(f"{s3_server}/{name}", method="PUT")).close()
    return f"s3://{name}"


@pytest.fixture
def bucket(s3_server):
    """Return the URL of a new bucket."""
    return make_bucket(s3_server)


def upload(folder, url, options):
    """Copy the files of a folder into a store; return the URL."""
    for path in sorted(folder.rglob("*.*")):
        put_object(parse_url(f"{url}/{path.relative_to(folder)}", options), path)
    return url


def objects_below(url, options):
    """Return the bytes of all objects below a URL but the lock, by name."""
    folder = parse_url(url, options)
    return {
        found.path.removeprefix(f"{folder.path}/"): read_object(found)
        for found, _ in list_objects(folder)
        if found.name != "lock"
    }


def outputs_below(url, options):
    """Return the bytes of the outputs below a URL, by name."""
    return {
        name: data
        for name, data in objects_below(url, options).items()
        if not name.startswith("_fastpack/")
    }


class Proxy(http.server.ThreadingHTTPServer):
    """Passes requests on to a server; `answer` may answer some in its place.

    `answer` is called with the method and the path, and returns a status, a number of
    seconds to wait, or None.
    """

    daemon_threads = True

    def __init__(self, target):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target.removeprefix("http://")
        self.answer = lambda method, path: None
        self.requests = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


_OF_A_CONNECTION = (
    "connection",
    "content-length",
    "date",
    "server",
    "transfer-encoding",
)


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.command, self.path))
        answer = self.server.answer(self.command, self.path)
        if isinstance(answer, int):
            self.send_response(answer)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if answer is not None:
            time.sleep(answer)
        connection = http.client.HTTPConnection(self.server.target)
        with suppress(OSError), closing(connection) as inner:
            # The signature is of the host that was asked; the server checks none.
            inner.request(self.command, self.path, body, dict(self.headers))
            response = inner.getresponse()
            content = response.read()
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in _OF_A_CONNECTION:
                    self.send_header(name, value)
            if self.command == "HEAD":
                size = response.getheader("Content-Length", "0")
            else:
                size = str(len(content))
            self.send_header("Content-Length", size)
            self.end_headers()
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any


@pytest.fixture
def proxy(s3_server):
    """Return a proxy before the server, for faults."""
    with Proxy(s3_server) as server:
        serve = partial(server.serve_forever, poll_interval=0.02)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server
        server.shutdown()
