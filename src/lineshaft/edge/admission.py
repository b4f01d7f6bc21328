"""Whether a device may be connected to: the zone rules of the gateway's configuration, asked before every attempt."""

from lineshaft.access.zones import EndpointRules
from lineshaft.core.errors import Forbidden, LineshaftError
from lineshaft.edge.model import Device


class Admission:
    """The rules that hold now; None admits everything."""

    def __init__(self, rules: EndpointRules | None = None) -> None:
        self.rules = rules

    async def check(self, device: Device) -> None:
        """Return where the gateway may connect to the device.

        Raises:
            Forbidden: it lies in another zone, and no conduit leads there.
            InvalidInput, Unavailable: where it lies cannot be told.
        """
        await self.check_endpoint(device.endpoint)

    async def check_endpoint(self, endpoint: str) -> None:
        """The same for whatever else the gateway connects to."""
        if self.rules is not None:
            await self.rules.check(endpoint)

    async def refuses(self, device: Device) -> bool:
        """Whether a device that is connected must be left."""
        try:
            await self.check(device)
        except Forbidden:
            return True
        except LineshaftError:  # a name that cannot be resolved now: the connection there is stays
            return False
        return False
