"""Settings of the demonstration plant."""

from typing import Annotated, ClassVar

from msgspec import Meta

from lineshaft.core.settings import Section
from lineshaft.demo.pace import MAXIMUM_SPEED, MINIMUM_SPEED


class DemoSettings(Section, frozen=True):
    """Table `demo`."""

    SECTION: ClassVar[str] = "demo"

    speed: Annotated[
        float,
        Meta(description="Simulated seconds per second at start, 0.1 to 100.", ge=MINIMUM_SPEED, le=MAXIMUM_SPEED),
    ] = 1.0
    port: Annotated[
        int, Meta(description="Port of the plant's OPC UA server on 127.0.0.1; 0 takes a free one.", ge=0, le=65535)
    ] = 4841
    modbus_port: Annotated[
        int,
        Meta(description="Port on 127.0.0.1 for foreign Modbus clients, guarded; 0 takes a free one.", ge=0, le=65535),
    ] = 5020
    publish_interval_seconds: Annotated[
        float, Meta(description="Time between two scans of all 53 values.", ge=0.05, le=60)
    ] = 1.0
    restart_after_seconds: Annotated[
        float, Meta(description="Pause after which a tripped plant starts anew by itself; 0: only on command.", ge=0)
    ] = 120.0
    seed: Annotated[
        int, Meta(description="Chooses noise and random disturbances; 0 is the model's own.", ge=0, lt=2**31)
    ] = 0
