"""What signing in beside passwords must not cost the processes that only might need it."""

import subprocess
import sys

LATE = {"webauthn", "authlib", "joserfc", "httpx"}


def test_libraries_of_passkeys_and_providers_are_loaded_when_somebody_uses_them():
    code = "import sys, lineshaft.access.people.part, lineshaft.access.service; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded & LATE == set()
    assert "litestar" not in loaded
