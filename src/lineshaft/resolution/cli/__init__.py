"""`lineshaft id`: identifiers, and the nodes that serve them."""

from lineshaft.core import console

app = console.application("Identifiers: resolve, register, and run the nodes that serve them.")

from lineshaft.resolution.cli import mirrors as mirrors  # noqa: E402  # likewise
from lineshaft.resolution.cli import nodes as nodes  # noqa: E402  # its commands hang on `app`
from lineshaft.resolution.cli import read as read  # noqa: E402  # likewise
from lineshaft.resolution.cli import sign as sign  # noqa: E402  # likewise
from lineshaft.resolution.cli import write as write  # noqa: E402  # likewise
