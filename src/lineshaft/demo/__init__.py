"""The demonstration plant: the Tennessee Eastman process in closed loop behind an OPC UA server on this machine.

    signals.py, disturbances.py   what it measures, and what can go wrong with it
    process.py → pace.py → plant.py → server.py   the model, its pace, the running plant, its OPC UA server
    install.py                    makes it a device of the gateway: certificates, password, points
    service.py, api.py, cli.py    the service `plant`, `/api/v1/demo`, `lineshaft demo`

Lineshaft knows it only through OPC UA, like any other device. Its model is an extra (`lineshaft[demo]`, for research and
education) that nothing else needs and that importing this package does not load. Only `cli` may import it.
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door

if TYPE_CHECKING:
    from lineshaft.demo.service import PlantService as PlantService
    from lineshaft.demo.settings import DemoSettings as DemoSettings

__all__ = [
    "DemoSettings",
    "PlantService",
]

__getattr__ = door(
    __name__,
    {
        "service": ("PlantService",),
        "settings": ("DemoSettings",),
    },
)
