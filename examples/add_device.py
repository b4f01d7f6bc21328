"""Add an OPC UA server with one point, show it, and take it out again. `add_device.py opc.tcp://host:4840 'ns=2;s=Node'`"""

import sys

import lineshaft


def main(endpoint: str, node: str) -> None:
    device = {
        "name": "example",
        "path": "acme/hamburg/forming/line2/cell1/example",
        "driver": "opcua",
        "endpoint": endpoint,
        "options": {"secret": "example"},
        "points": [{"name": "value", "address": node}],
    }
    with lineshaft.connect() as client:
        client.request("POST", "/api/v1/edge/devices", json=device)
        print(client.devices.get("example"))
        client.request("DELETE", "/api/v1/edge/devices/example")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["opc.tcp://127.0.0.1:4840", "ns=2;s=Node"]))
