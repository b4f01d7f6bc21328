"""The driver's face: what it is, and how it plans a device. Loads no library."""

from lineshaft.edge.driver import Block, Faults, Manifest, Plan, Source, Tools, check_points, convert_options
from lineshaft.edge.drivers.http import scalars
from lineshaft.edge.drivers.http.options import HttpOptions
from lineshaft.edge.drivers.http.pointer import HttpAddress, join, read_address
from lineshaft.edge.model import Device


class HttpDriver:
    """Values over HTTP, as JSON or CBOR."""

    manifest = Manifest(
        name="http", title="HTTP", tier="built-in", options=HttpOptions, modes=frozenset({"subscribe", "poll"}),
        usual="poll", writes=True, quality="silver", simulator="lineshaft.edge.drivers.http.simulator:simulate",
        extent="lineshaft.edge.drivers.http.extent:extent",
        address="JSON pointer, after a path and # where it is not in the endpoint's answer: `/motor/speed`, `s.json#/speed`",
        endpoint="poll: https://host/path; webhook (mode subscribe): where to listen, http://127.0.0.1:8085/hooks/<device>",
    )  # fmt: skip

    def plan(self, device: Device) -> Plan:
        """One block per group and path; its detail is the address to ask and the points' pointers.

        Raises:
            InvalidInput: every fault of endpoint, options, groups and addresses at once.
        """
        faults = Faults(device.name)
        options: HttpOptions | None = convert_options(self.manifest, device, faults)
        if options is not None:
            options.judge_device(device, faults)
        check_points(self.manifest, device, faults)
        hook = all(group.mode == "subscribe" for group in device.groups)
        addresses: list[HttpAddress] = []
        for point in device.points:
            scalars.check(point, faults)
            try:
                address = read_address(point.address)
                join(device.endpoint, address.path)
                addresses.append(address)
                if hook and address.path:
                    faults.add(
                        f"points.{point.name}.address", point.address, "a device that calls us has only pointers"
                    )
            except ValueError as error:
                faults.add(f"points.{point.name}.address", point.address, str(error))
        faults.refuse()
        assert options is not None
        return Plan(device=device, options=options, points=device.points, blocks=_blocks(device, addresses))

    def source(self, plan: Plan, tools: Tools) -> Source:
        """One server, or one caller. Nothing is connected yet."""
        if plan.of_mode("subscribe"):
            from lineshaft.edge.drivers.http.webhook import HookSource

            return HookSource(plan, tools)
        from lineshaft.edge.drivers.http.source import HttpSource

        return HttpSource(plan, tools)


def _blocks(device: Device, addresses: list[HttpAddress]) -> tuple[Block, ...]:
    blocks = []
    for group in device.groups:
        paths: dict[str, list[int]] = {}
        for index, point in enumerate(device.points):
            if point.group == group.name:
                paths.setdefault(addresses[index].path, []).append(index)
        for path, chosen in paths.items():
            detail = (join(device.endpoint, path), tuple(addresses[index].pointer for index in chosen))
            blocks.append(Block(group=group, points=tuple(chosen), detail=detail))
    return tuple(blocks)


DRIVER = HttpDriver()
