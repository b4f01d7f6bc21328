"""A client of every node: finds who serves a handle, asks, checks what comes back, and changes records."""

from lineshaft.resolution.client.client import Answer as Answer
from lineshaft.resolution.client.client import Client as Client
from lineshaft.resolution.client.identity import Identity as Identity
from lineshaft.resolution.client.identity import KeyIdentity as KeyIdentity
from lineshaft.resolution.client.identity import SecretIdentity as SecretIdentity
from lineshaft.resolution.client.identity import parse_reference as parse_reference
from lineshaft.resolution.client.lifetime import lifetime as lifetime
from lineshaft.resolution.client.reach import Reach as Reach
from lineshaft.resolution.client.reach import reach_of as reach_of
from lineshaft.resolution.client.roots import RootAddress as RootAddress
from lineshaft.resolution.client.roots import Roots as Roots
from lineshaft.resolution.client.roots import fingerprint as fingerprint
from lineshaft.resolution.client.roots import parse_address as parse_address
from lineshaft.resolution.client.roots import read_roots as read_roots
from lineshaft.resolution.client.roots import roots_from_json as roots_from_json
from lineshaft.resolution.client.roots import site_at as site_at
from lineshaft.resolution.client.trail import Hop as Hop
from lineshaft.resolution.client.trail import Trail as Trail
from lineshaft.resolution.client.trail import name_of as name_of
from lineshaft.resolution.client.transport import Patience as Patience
from lineshaft.resolution.client.walk import Walk as Walk
