"""Run a program that dies with its parent: `python exec_tied.py PROGRAM [ARGUMENT …]`. Imports nothing of ours."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the line above
            return
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
