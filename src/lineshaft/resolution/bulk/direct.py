"""Import into the store of a node on this machine, without its server: for whoever owns its files."""

import contextlib
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from lineshaft.resolution import codes
from lineshaft.resolution.administration import Registrar
from lineshaft.resolution.bulk.packing import Fault, Packer
from lineshaft.resolution.model import Reference
from lineshaft.resolution.serving import NodeConfig, NodeServer

OWNER: Final = Reference(b"0.NA/0.NA", 0)
"""Stands for whoever may write the files; nobody can prove to be it."""

Load = Callable[..., list[dict[str, Any]]]


@contextlib.contextmanager
def loading(config: NodeConfig) -> Iterator[Load]:
    """Open a node's store; yields what registers lines in one transaction and tells what was refused.

    Raises:
        Unavailable: the store cannot be used, or its node must end first.
    """
    server = NodeServer(config)
    try:
        registrar = Registrar(server.store, server.homes, [OWNER], proofs=server.proofs)
        yield lambda lines, *, overwrite=False: load(registrar, lines, OWNER, overwrite=overwrite)
    finally:
        server.store.close()


def load(
    registrar: Registrar, lines: list[bytes], who: Reference, *, overwrite: bool = False
) -> list[dict[str, Any]]:  # fmt: skip
    """Register lines of NDJSON in one transaction; what was refused, with the number of the line among these."""
    packer = Packer(int(time.time()))
    pack = packer.pack
    refused: list[dict[str, Any]] = []
    with _uncollected():
        numbers: Sequence[int] = range(1, len(lines) + 1)
        try:
            found = list(map(pack, lines))
        except Fault:
            numbers, found = _sifted(lines, pack, refused)
        packed = [(key, record) for _, key, record in found]
        answers = registrar.load(packed, who, overwrite=overwrite, seconds=packer.seconds)
    for number, (handle, _, _), answer in zip(numbers, found, answers, strict=True):
        if answer is not None:
            refused.append(_result(number, handle, answer.code, answer.message))
    return refused


def _sifted(
    lines: list[bytes], pack: Callable[[bytes], tuple[str, bytes, bytes]], refused: list[dict[str, Any]]
) -> tuple[list[int], list[tuple[str, bytes, bytes]]]:  # fmt: skip
    """Numbers of the lines that are registrations, and these; the others go to the refused."""
    numbers: list[int] = []
    found: list[tuple[str, bytes, bytes]] = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(pack(line))
        except Fault as fault:
            refused.append(_result(number, fault.handle, codes.RC_INVALID_VALUE, str(fault)))
        else:
            numbers.append(number)
    return numbers, found


def _result(number: int, handle: str, code: int, message: str) -> dict[str, Any]:
    return {"line": number, "handle": handle, "responseCode": code, "message": message}


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for cycles: thousands of small tuples are made that have none."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
