"""What one resolution costs a node, with Debian's Knot as the floor of "a datagram in, 300 bytes out" in the same run.

The record has four values and answers of about 300 bytes, sixteen random bytes in each. A generator in C, compiled here,
keeps requests outstanding (UDP: sendmmsg and recvmmsg; TCP: pipelined on connections that stay); what is counted is the
server processes' own time on the processor, user and system, per request. Every check, limit and counter is on; only the
budgets are wide, since one address asks for all. Knot serves as many names with TXT answers of as many bytes, asked by
dnsperf. The compiled modules (`make compiled`) are built into the same folder and run beside the sources they are made of.
Then: signed answers by kind of key, bytes per record by store, time to start; with `--large`, a store of so many records
against the usual one, asked in turns for ten times as many names.
"""

import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil

from lineshaft.resolution import codes, wire
from lineshaft.resolution.listeners import Limits
from lineshaft.resolution.messages import Resolve
from lineshaft.resolution.model import HandleValue
from lineshaft.resolution.record import pack_record
from lineshaft.resolution.service import new_key
from lineshaft.resolution.serving import NodeConfig
from lineshaft.resolution.store import open_store
from lineshaft.resolution.workers import free_port

PREFIX = b"88.100.1"
ASKED = 20_000
"""Different requests of one run."""
MUST_UDP, MUST_TCP, MUST_KNOT = 12.0, 12.0, 2.5
MUST_COMPILED_TCP, MUST_COMPILED_KNOT = 9.0, 1.6
MUST_START_SECONDS, MUST_LARGE = 2.0, 1.3
ROOT = Path(__file__).parents[1]
REFERENCE_SIGNED = 1100
"""Signed answers per processor second of the reference server, its best."""
ADMINISTRATOR = b"\x07\xf3\0\0\0\x0f88.1000.1/ADMIN\0\0\x01\x2c"

GENERATOR = r"""
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* generator udp|tcp PORT FILE SECONDS OUTSTANDING SOCKETS: requests lie in FILE, each behind its length (u32, big-endian). */
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static uint32_t be(const unsigned char *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

int main(int count, char **words) {
    int tcp = !strcmp(words[1], "tcp"), port = atoi(words[2]), window = atoi(words[5]), sockets = atoi(words[6]);
    double seconds = atof(words[4]);
    FILE *file = fopen(words[3], "rb");
    if (!file || count < 7) return 2;
    fseek(file, 0, SEEK_END); long size = ftell(file); rewind(file);
    unsigned char *all = malloc(size);
    if (fread(all, 1, size, file) != (size_t)size) return 2;
    fclose(file);
    long n = 0; unsigned char **at = malloc(sizeof(*at) * (size / 40 + 1)); uint32_t *length = malloc(4 * (size / 40 + 1));
    for (long o = 0; o < size; o += 4 + length[n - 1]) { length[n] = be(all + o); at[n] = all + o + 4; n++; }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    struct pollfd *polled = calloc(sockets, sizeof(*polled));
    long *waiting = calloc(sockets, sizeof(long)), *have = calloc(sockets, sizeof(long));
    unsigned char **buffer = malloc(sizeof(*buffer) * sockets);
    for (int s = 0; s < sockets; s++) {
        int f = socket(AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0), one = 1, room = 1 << 22;
        if (connect(f, (void *)&to, sizeof to)) { perror("connect"); return 1; }
        if (tcp) setsockopt(f, IPPROTO_TCP, TCP_NODELAY, &one, 4); else setsockopt(f, SOL_SOCKET, SO_RCVBUF, &room, 4);
        fcntl(f, F_SETFL, O_NONBLOCK);
        polled[s].fd = f; polled[s].events = POLLIN; buffer[s] = malloc(1 << 20);
    }
    struct mmsghdr *messages = calloc(window, sizeof(*messages)); struct iovec *vectors = calloc(window, sizeof(*vectors));
    long next = 0, done = 0, wrong = 0; double began = now(), last = began; long at_once = tcp ? 1 << 20 : 2048L * window;
    unsigned char *out = malloc(at_once);
    while (now() - began < seconds) {
        for (int s = 0; s < sockets; s++) {
            long room = window - waiting[s];
            if (room * 2 < window && window > 1) continue;
            if (tcp) {
                long bytes = 0, k = 0;
                for (; k < room; k++) { long i = next++ % n; memcpy(out + bytes, at[i], length[i]); bytes += length[i]; }
                for (long sent = 0; sent < bytes;) {
                    ssize_t w = send(polled[s].fd, out + sent, bytes - sent, MSG_NOSIGNAL);
                    if (w > 0) sent += w; else if (errno != EAGAIN) { perror("send"); return 1; }
                }
                waiting[s] += k;
            } else if (room > 0) {
                for (long k = 0; k < room; k++) {
                    long i = next++ % n; vectors[k].iov_base = at[i]; vectors[k].iov_len = length[i];
                    memset(&messages[k], 0, sizeof *messages);
                    messages[k].msg_hdr.msg_iov = &vectors[k]; messages[k].msg_hdr.msg_iovlen = 1;
                }
                int k = sendmmsg(polled[s].fd, messages, room, 0);
                if (k > 0) waiting[s] += k;
            }
        }
        int ready = poll(polled, sockets, 200);
        if (!ready && now() - last > 0.2) for (int s = 0; s < sockets; s++) waiting[s] = 0;  /* lost */
        for (int s = 0; s < sockets; s++) {
            if (!(polled[s].revents & POLLIN)) continue;
            if (tcp) {
                ssize_t r = recv(polled[s].fd, buffer[s] + have[s], (1 << 20) - have[s], 0);
                if (r <= 0) { fprintf(stderr, "hung up\n"); return 1; }
                have[s] += r; long o = 0;
                while (have[s] - o >= 28) {
                    long whole = 20 + be(buffer[s] + o + 16);
                    if (have[s] - o < whole) break;
                    wrong += be(buffer[s] + o + 24) != 1; done++; waiting[s]--; o += whole;
                }
                memmove(buffer[s], buffer[s] + o, have[s] - o); have[s] -= o; last = now();
            } else for (;;) {
                for (int k = 0; k < window; k++) {
                    vectors[k].iov_base = out + 2048L * k; vectors[k].iov_len = 2048; memset(&messages[k], 0, sizeof *messages);
                    messages[k].msg_hdr.msg_iov = &vectors[k]; messages[k].msg_hdr.msg_iovlen = 1;
                }
                int k = recvmmsg(polled[s].fd, messages, window, MSG_DONTWAIT, 0);
                if (k <= 0) break;
                for (int m = 0; m < k; m++) wrong += messages[m].msg_len < 28 || be(out + 2048L * m + 24) != 1;
                done += k; waiting[s] -= k; if (waiting[s] < 0) waiting[s] = 0;
                last = now();
            }
        }
    }
    printf("{\"answers\": %ld, \"wrong\": %ld, \"seconds\": %f}\n", done, wrong, now() - began);
    return 0;
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=500_000)
    parser.add_argument("--seconds", type=float, default=4, help="length of each run")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument(
        "--large",
        type=int,
        default=0,
        help="records of a large store; 10000000 take 4 GB in the folder for temporary files",
    )
    parser.add_argument("--only-large", action="store_true", help="nothing but that")
    parser.add_argument("--sizes", type=int, default=200_000, help="records for bytes per record")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(Run(Path(folder), arguments).all()))


class Run:
    """One run: everything in one folder, results in one object."""

    def __init__(self, place: Path, arguments: argparse.Namespace) -> None:
        self.place = place
        self.records: int = arguments.records
        self.seconds: float = arguments.seconds
        self.turns: int = arguments.turns
        self.sizes: int = arguments.sizes
        self.large: int = arguments.large
        self.only_large: bool = arguments.only_large
        self.compiled = place / "built"
        self.generator = place / "generator"
        self.result: dict[str, Any] = {"benchmark": "resolution", "records": self.records, "turns": self.turns}

    def all(self) -> dict[str, Any]:
        source = self.place / "generator.c"
        source.write_text(GENERATOR)
        subprocess.run(["cc", "-O2", "-o", str(self.generator), str(source)], check=True)
        made = subprocess.run(
            ["make", "compiled", f"BUILT={self.compiled}"], cwd=ROOT, check=False, capture_output=True
        )
        if made.returncode:
            print(f"no compiled modules in this run: {made.stderr.decode()[-300:]}", flush=True)
        self.load("records", self.records)
        random.seed(7)
        if not self.only_large:
            self.requests("public", codes.PUBLIC_ONLY, self.records)
            self.requests("signed", codes.PUBLIC_ONLY | codes.CERTIFIED, self.records)
            self.unsigned()
            self.signed()
            self.bytes_per_record()
        if self.large:
            self.many()
        return self.result

    def load(self, folder: str, count: int) -> float:
        """A store of so many records; bytes of one."""
        store = open_store("lmdb", self.place / folder)
        store.load(records(count))
        size = round(store.size() / count, 1)
        store.close()
        self.result[f"lmdb_bytes_per_record_of_{count}"] = size
        return size

    def requests(self, name: str, flags: int, among: int, count: int = ASKED) -> None:
        """A file of requests for names drawn at random."""
        with (self.place / name).open("wb") as file:
            for number in range(1, count + 1):
                data = request(random.randrange(among), number, flags)
                file.write(len(data).to_bytes(4) + data)

    def unsigned(self) -> None:
        """UDP and TCP, from source and compiled, two workers, and Knot, in turns."""
        found: dict[str, list[float]] = {}
        knot = shutil.which("knotd") and shutil.which("dnsperf")
        with self.node(1) as one, self.node(2) as two, self.node(1, compiled=True) as quick:
            turns = {
                "udp": lambda: self.ask(one, "udp", "public", 64, 1),
                "tcp_pipelined": lambda: self.ask(one, "tcp", "public", 16, 4),
                "tcp_one_by_one": lambda: self.ask(one, "tcp", "public", 1, 16),
                "udp_two_workers": lambda: self.ask(two, "udp", "public", 64, 16),
            }
            if self.compiled.exists():
                turns |= {
                    "compiled_udp": lambda: self.ask(quick, "udp", "public", 64, 1),
                    "compiled_tcp_pipelined": lambda: self.ask(quick, "tcp", "public", 16, 4),
                    "compiled_tcp_one_by_one": lambda: self.ask(quick, "tcp", "public", 1, 16),
                }
            with knot_server(self.place / "knot", self.records) if knot else no_server() as floor:
                if floor is not None:
                    turns["knot"] = lambda: floor.ask(self.seconds)
                for _ in range(self.turns):
                    for name, turn in turns.items():
                        found.setdefault(name, []).append(turn())
                    print("  ".join(f"{name} {values[-1]:.2f}" for name, values in found.items()), "µs", flush=True)
            self.result["start_seconds"] = round(one.start_seconds, 2)
        best = {name: sorted(values)[len(values) // 2] for name, values in found.items()}
        self.result |= {f"{name}_us": round(value, 2) for name, value in best.items()}
        self.result |= {
            "udp_must_us": MUST_UDP, "tcp_must_us": MUST_TCP, "knot_must_ratio": MUST_KNOT,
            "compiled_tcp_must_us": MUST_COMPILED_TCP, "compiled_knot_must_ratio": MUST_COMPILED_KNOT,
        }  # fmt: skip
        self.result["two_workers_ratio"] = round(best["udp_two_workers"] / best["udp"], 3)
        if "knot" in best:
            for name in best.keys() & {"udp", "compiled_udp"}:
                self.result[f"{name}_to_knot"] = round(best[name] / best["knot"], 2)

    def many(self) -> None:
        """A large store against the usual one."""
        began = time.monotonic()
        self.load("many", self.large)
        print(f"{self.large:,} records loaded in {time.monotonic() - began:.0f} s", flush=True)
        self.requests("of_usual", codes.PUBLIC_ONLY, self.records, 10 * ASKED)
        self.requests("of_many", codes.PUBLIC_ONLY, self.large, 10 * ASKED)
        usual, many = [], []
        with self.node(1) as one, self.node(1, folder="many") as other:
            for _ in range(self.turns):
                usual.append(self.ask(one, "udp", "of_usual", 64, 1))
                many.append(self.ask(other, "udp", "of_many", 64, 1))
                print(f"usual {usual[-1]:.2f}  large {many[-1]:.2f} µs", flush=True)
            start = {
                "large_start_seconds": round(other.start_seconds, 2),
                "large_start_cpu_seconds": round(other.start_cpu_seconds, 2),
                "large_start_cpu_beside": round(one.start_cpu_seconds, 2),
            }
        place = len(usual) // 2
        self.result |= {
            "large_records": self.large, **start, "start_must_seconds": MUST_START_SECONDS,
            "large_udp_us": round(sorted(many)[place], 2), "large_beside_us": round(sorted(usual)[place], 2),
            "large_ratio": round(sorted(many)[place] / sorted(usual)[place], 2), "large_must_ratio": MUST_LARGE,
        }  # fmt: skip

    def signed(self) -> None:
        """Answers signed per request, by TCP."""
        for kind in ("rsa", "p256", "ed25519"):
            with self.node(1, key=new_key(kind)) as server:
                cost = self.ask(server, "tcp", "signed", 16, 4)
            per_second = 1e6 / cost
            self.result[f"signed_{kind}_per_cpu_s"] = round(per_second)
            self.result[f"signed_{kind}_to_reference"] = round(per_second / REFERENCE_SIGNED, 1)
            print(f"signed by {kind}: {per_second:,.0f} per processor second", flush=True)

    def bytes_per_record(self) -> None:
        store = open_store("rocksdb", self.place / "rocksdb")
        store.load(records(self.sizes))
        compact = getattr(store, "compact", None)
        if compact is not None:
            compact()
        self.result["rocksdb_bytes_per_record"] = round(store.size() / self.sizes, 1)
        store.close()

    @contextmanager
    def node(
        self, workers: int, key: str = "", *, folder: str = "records", compiled: bool = False
    ) -> Iterator["Server"]:  # fmt: skip
        """A node of so many worker processes over the records in a folder."""
        wide = Limits(bytes_per_second=1e12, signatures_per_second=1e9, missing_per_second=1e9)
        config = NodeConfig(
            hosts=["127.0.0.1"], port=free_port("127.0.0.1"), folder=str(self.place / folder),
            prefixes=[PREFIX.decode()], key=key, limits=wide,
        )  # fmt: skip
        began = time.monotonic()
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "lineshaft.resolution.workers"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | {"LINESHAFT_COMPILED": str(self.compiled) if compiled else ""},
            )
            for _ in range(workers)
        ]
        try:
            for process in started:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(msgspec.json.encode(config) + b"\n")
                process.stdin.flush()
                process.stdout.readline()
            pids = [process.pid for process in started]
            yield Server(config.port, pids, time.monotonic() - began, processor_seconds(pids))
        finally:
            for process in started:
                process.communicate()

    def ask(self, server: "Server", protocol: str, name: str, window: int, sockets: int) -> float:
        """µs of the server's processor time for one answer."""
        before = processor_seconds(server.pids)
        done = subprocess.run(
            [str(self.generator), protocol, str(server.port), str(self.place / name), str(self.seconds), str(window),
             str(sockets)], check=True, capture_output=True,
        )  # fmt: skip
        spent = processor_seconds(server.pids) - before
        told = json.loads(done.stdout)
        if told["wrong"] or not told["answers"]:
            raise SystemExit(f"{told['wrong']} of {told['answers']} answers were wrong")
        return spent / int(told["answers"]) * 1e6


class Server(msgspec.Struct):
    port: int
    pids: list[int]
    start_seconds: float
    start_cpu_seconds: float


class Knot(msgspec.Struct):
    """Debian's Knot with a zone of as many names."""

    port: int
    pid: int
    queries: Path

    def ask(self, seconds: float) -> float:
        before = processor_seconds([self.pid])
        done = subprocess.run(
            ["dnsperf", "-s", "127.0.0.1", "-p", str(self.port), "-d", str(self.queries), "-l", str(int(seconds)), "-c", "16",
             "-q", "64"], check=True, capture_output=True, text=True,
        )  # fmt: skip
        spent = processor_seconds([self.pid]) - before
        line = next(line for line in done.stdout.splitlines() if "Queries completed" in line)
        return spent / int(line.split()[2]) * 1e6


@contextmanager
def no_server() -> Iterator[None]:
    print("knotd or dnsperf is not installed: no floor in this run", flush=True)
    yield None


@contextmanager
def knot_server(place: Path, count: int) -> Iterator[Knot]:
    """Knot with the same names and TXT answers of about 300 bytes."""
    place.mkdir()
    (place / "run").mkdir()
    port = free_port("127.0.0.1")
    with (place / "zone").open("w") as zone:
        zone.write(
            "$ORIGIN id.test.\n$TTL 86400\n@ SOA ns.id.test. a.id.test. 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n"
        )
        for number in range(count):
            zone.write(f'sn{number:010d} TXT "{os.urandom(16).hex() * 7}"\n')
    (place / "conf").write_text(
        f"server:\n  listen: 127.0.0.1@{port}\n  rundir: {place}/run\n  udp-workers: 1\n  tcp-workers: 1\n"
        f"database:\n  storage: {place}/run\nlog:\n  - target: stderr\n    any: error\n"
        f"zone:\n  - domain: id.test\n    file: {place}/zone\n    storage: {place}\n    zonefile-sync: -1\n"
    )
    queries = place / "queries"
    queries.write_text("".join(f"sn{random.randrange(count):010d}.id.test TXT\n" for _ in range(ASKED)))
    process = subprocess.Popen(["knotd", "-c", str(place / "conf")], stdout=subprocess.DEVNULL)
    try:
        wait_for_zone(port)
        yield Knot(port=port, pid=process.pid, queries=queries)
    finally:
        process.terminate()
        process.wait()


def wait_for_zone(port: int) -> None:
    """Return when the zone is answered from."""
    question = b"\0\1\0\0\0\1\0\0\0\0\0\0\x0csn0000000000\x02id\x04test\0\0\x10\0\1"
    deadline = time.monotonic() + 120
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("127.0.0.1", port))
        asking.settimeout(0.5)
        while time.monotonic() < deadline:
            try:
                asking.send(question)
                answer = asking.recv(2000)
            except OSError:
                time.sleep(0.1)
                continue
            if len(answer) > 200:
                return
            time.sleep(0.1)
    raise SystemExit("knotd does not answer")


def processor_seconds(pids: list[int]) -> float:
    """User and system time of processes."""
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


def records(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Records in order of their keys."""
    serial, lot = b"#SERIAL###", b"#SIXTEEN#BYTES##"
    values = [
        HandleValue(index=1, type=b"URL", data=b"https://p.example/item/" + serial, timestamp=1_700_000_000),
        HandleValue(index=2, type=b"EMAIL", data=b"quality@p.example", timestamp=1_700_000_000),
        HandleValue(index=3, type=b"DESC", data=lot + b" a part of a machine, lot 20261123", timestamp=1_700_000_000),
        HandleValue(index=100, type=b"HS_ADMIN", data=ADMINISTRATOR, timestamp=1_700_000_000),
    ]  # fmt: skip
    first, rest = pack_record(values).split(serial)
    second, third = rest.split(lot)
    for number in range(count):
        name = b"%010d" % number
        yield PREFIX + b"/SN" + name, first + name + second + os.urandom(16) + third


def request(serial: int, number: int, flags: int) -> bytes:
    return wire.encode(
        wire.Message(
            envelope=wire.Envelope(request=number), header=wire.Header(operation=codes.OC_RESOLUTION, flags=flags),
            body=Resolve(PREFIX + b"/SN%010d" % serial),
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
