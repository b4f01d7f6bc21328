"""Ways in over the network: UDP and TCP, both dialects on the same port."""

from lineshaft.resolution.listeners.budget import Budgets as Budgets
from lineshaft.resolution.listeners.budget import Guard as Guard
from lineshaft.resolution.listeners.counts import Counts as Counts
from lineshaft.resolution.listeners.http import HttpListener as HttpListener
from lineshaft.resolution.listeners.http import tls_context as tls_context
from lineshaft.resolution.listeners.limits import Limits as Limits
from lineshaft.resolution.listeners.tcp import TcpListener as TcpListener
from lineshaft.resolution.listeners.udp import UdpListener as UdpListener
