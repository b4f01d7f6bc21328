"""One server of the protocol: what it answers to a whole message, wherever the message came from."""

from lineshaft.resolution.node.elsewhere import Elsewhere as Elsewhere
from lineshaft.resolution.node.elsewhere import Recursive as Recursive
from lineshaft.resolution.node.server import Node as Node
from lineshaft.resolution.node.server import NodeKeys as NodeKeys
