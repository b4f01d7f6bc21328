"""For tests: a foreign OpenID provider (oidc-provider under Node.js) with a few people."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lineshaft.edge.testing import install_peers

PEERS = Path(__file__).parents[3] / "tests" / "peers"
CALLBACK = "/api/v1/access/oidc/callback"
CLIENT, CLIENT_PASSWORD = "lineshaft", "a secret: with % and +"  # of a provider that lives for one test
ACCOUNTS: Mapping[str, Any] = {
    "alice": {"preferred_username": "Alice.Li", "groups": ["staff", "engineers"], "email": "alice@plant.example",
              "email_verified": True},
    "carol": {"preferred_username": "carol", "groups": ["visitors"], "email": "carol@plant.example",
              "email_verified": True},
    "mallory": {"preferred_username": "ada", "groups": ["engineers"], "email": "ada@plant.example",
                "email_verified": False},
}  # fmt: skip


@contextlib.contextmanager
def foreign_provider(port: int, redirect: str, accounts: Mapping[str, Any] = ACCOUNTS) -> Iterator[str]:
    """The provider, which sends people back to `redirect`; its address."""
    client = {"client_id": CLIENT, "client_secret": CLIENT_PASSWORD, "redirect_uris": [redirect]}
    given = {"port": port, "modules": str(install_peers(PEERS)), "clients": [client], "accounts": dict(accounts)}
    process = subprocess.Popen(
        ["node", str(PEERS / "oidc_provider.mjs"), json.dumps(given)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ),
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert json.loads(process.stdout.readline()) == {"ready": True}
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()
