"""Hugging Face: the files of a dataset, from a server that answers as its own does."""

import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pytest

from fastpack import OptionError, SourceNotFoundError, StorageError
from fastpack.files.manifest import Fingerprint
from fastpack.files.sources import find_sources
from fastpack.storage.location import locate

FILES = {"README.md": 1, "data/a b.parquet": 2, "data/c.parquet": 3, "x/d.jsonl": 4}


class Hub(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        if self.server.failures:
            status = self.server.failures.pop()
            if status:  # or the connection ends without an answer
                self.send_response(status)
                self.send_header("Content-Length", "9")  # it ends before them
                self.end_headers()
            return
        parts = urlsplit(self.path)
        folder = unquote(parts.path).partition("/tree/")[2].partition("/")[2]
        prefix = f"{folder}/" if folder else ""
        names = [name for name in FILES if name.startswith(prefix)]
        if "recursive" not in parts.query:
            names = [name for name in names if "/" not in name[len(prefix) :]]
        entries = [
            {"type": "file", "path": name, "size": FILES[name], "oid": f"oid{name}"}
            for name in names
        ]
        half = len(entries) // 2 if "page=2" not in parts.query else 0
        is_first = half > 0
        self.send_response(200 if names else 404)
        if is_first:
            address = f"http://{self.headers['Host']}{self.path}"
            mark = "&" if parts.query else "?"
            self.send_header("Link", f'<{address}{mark}page=2>; rel="next"')
            entries = entries[:half]
        elif "page=2" in parts.query:
            entries = entries[len(entries) // 2 :]
        self.end_headers()
        self.wfile.write(json.dumps([{"type": "directory"}, *entries]).encode())


@pytest.fixture
def hub(monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        server.asked, server.failures = [], []
        threading.Thread(
            target=partial(server.serve_forever, 0.02), daemon=True
        ).start()
        port = server.server_address[1]
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
        monkeypatch.setattr("fastpack.storage.hub.time.sleep", lambda _: None)
        yield server
        server.shutdown()


def test_sources(hub):
    root = "hf://datasets/owner/name"
    for source, names in (
        (root, ["data/a b.parquet", "data/c.parquet", "x/d.jsonl"]),
        (f"{root}/data/*.parquet", ["data/a b.parquet", "data/c.parquet"]),
        (f"{root}/x/d.jsonl", ["x/d.jsonl"]),
    ):
        found = find_sources(source, storage_options={"token": "t"})
        assert list(map(str, found)) == [f"{root}/{name}" for name in names]
    assert {authorization for _, authorization in hub.asked} == {"Bearer t"}
    at = find_sources(f"{root}@v1.0/x/d.jsonl")
    assert str(at[0]) == f"{root}@v1.0/x/d.jsonl"
    assert "/api/datasets/owner/name/tree/v1.0/x" in {path for path, _ in hub.asked}
    assert Fingerprint.of(at[0])[1:] == (4, "oidx/d.jsonl")
    with pytest.raises(SourceNotFoundError):
        find_sources(f"{root}/absent/")
    with pytest.raises(OptionError, match="names no dataset"):
        find_sources("hf://spaces/owner/name")


def test_a_hub_that_fails(hub):
    url = "hf://datasets/owner/name/x/d.jsonl"
    for failures in ([500, 503], [None, 200], [429]):
        hub.failures = failures
        assert find_sources(url) == [locate(url)]
    hub.failures = [401]
    with pytest.raises(StorageError, match=r"cannot be listed: .*401(.|\n)*HF_TOKEN"):
        find_sources(url)
    hub.failures = [503] * 6
    with pytest.raises(StorageError, match="503"):
        find_sources(url)
