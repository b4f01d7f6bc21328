"""Object stores that behave badly: one that ignores conditions, one that fails for a while, one that is not there."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from lineshaft.core.errors import Unavailable
from lineshaft.core.home import Home
from lineshaft.history import credentials
from lineshaft.history.committer import Claim, Tables
from lineshaft.history.settings import HistorySettings


class SmallStore(ThreadingHTTPServer):
    """As much of S3 as the history uses, in memory; checks no keys."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.honours_conditions = True
        self.failing = 0
        """How many requests more it answers with 503."""
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SmallStore

    def do_PUT(self) -> None:
        body = self._body()
        with self.server.lock:
            taken = self._key() in self.server.files and self.headers.get("If-None-Match") == "*"
            refused = taken and self.server.honours_conditions
            if not refused and not self._fails():
                self.server.files[self._key()] = body
                self._answer(200, headers={"ETag": '"1"'})
            elif refused:
                self._answer(412, b"<Error><Code>PreconditionFailed</Code><Message>it is there</Message></Error>")

    def do_GET(self) -> None:
        with self.server.lock:
            if self._fails():
                return
            if "list-type" in parse_qs(urlsplit(self.path).query):
                self._list()
            elif self._key() in self.server.files:
                self._file(self.server.files[self._key()])
            else:
                self._answer(404, b"<Error><Code>NoSuchKey</Code><Message>no</Message></Error>")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        with self.server.lock:
            self.server.files.pop(self._key(), None)
            self._answer(204)

    def _file(self, data: bytes) -> None:
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        headers = {"ETag": '"1"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        if found is None:
            self._answer(200, data, headers)
            return
        first, last = int(found[1]), min(int(found[2] or len(data)), len(data) - 1)
        self._answer(206, data[first : last + 1], headers | {"Content-Range": f"bytes {first}-{last}/{len(data)}"})

    def _list(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        prefix = asked.get("prefix", [""])[0]
        after = asked.get("start-after", [""])[0]
        names = sorted(name for name in self.server.files if name.startswith(prefix) and name > after)
        entries = "".join(
            f"<Contents><Key>{name}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>1</ETag>"
            f"<Size>{len(self.server.files[name])}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for name in names
        )
        self._answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>".encode())

    def _fails(self) -> bool:
        if self.server.failing <= 0:
            return False
        self.server.failing -= 1
        self._answer(503, b"<Error><Code>SlowDown</Code><Message>later</Message></Error>")
        return True

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/plant/")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Silent."""


@pytest.fixture
def small() -> Iterator[SmallStore]:
    server = SmallStore()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def storage_of(server: SmallStore, tmp_path: Path) -> Any:
    home = Home(tmp_path)
    credentials.keep(home, credentials.Credentials(access_key="key", secret_key="secret"))
    settings = HistorySettings(url="s3://plant/history", endpoint=f"http://127.0.0.1:{server.server_address[1]}")
    return settings.storage(home)


def test_a_store_that_honours_conditions_is_taken_and_nothing_is_left_of_the_trial(small, tmp_path):
    storage_of(small, tmp_path).check()
    assert not [name for name in small.files if "probe" in name]


def test_a_store_that_ignores_conditions_is_refused_before_anything_is_written(small, tmp_path):
    small.honours_conditions = False
    answer = Tables(storage_of(small, tmp_path)).answer(Claim(table="samples", application="A"))
    assert answer.error is not None
    assert answer.error["code"] == "history.store_unsafe"
    assert not [name for name in small.files if not name.endswith("/")]


def test_a_store_that_is_busy_for_a_moment_is_asked_again(small, tmp_path):
    tables = Tables(storage_of(small, tmp_path))
    small.failing = 3
    assert tables.answer(Claim(table="samples", application="A")).error is None
    small.failing = 2
    assert tables.answer(Claim(table="samples", application="A")).version == 2


def test_a_store_that_stays_busy_is_unavailable_and_says_so(small, tmp_path):
    small.failing = 10_000
    answer = Tables(storage_of(small, tmp_path)).answer(Claim(table="samples", application="A"))
    assert answer.error is not None
    assert answer.error["code"] == "history.store_unreachable"
    assert "SlowDown" in answer.error["message"]


def test_a_store_that_is_not_there_is_unavailable(tmp_path):
    home = Home(tmp_path)
    credentials.keep(home, credentials.Credentials(access_key="key", secret_key="secret"))
    storage = HistorySettings(url="s3://plant/history", endpoint="http://127.0.0.1:1").storage(home)
    with pytest.raises(Unavailable) as refused:
        storage.check()
    assert refused.value.code == "history.store_unreachable"
