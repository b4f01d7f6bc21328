"""A foreign S7 controller in its own process: python-snap7's server, unchanged.

Started as `python s7_server.py PORT`; prints {"listening": port}. Orders come as JSON lines on its input:
{"do": "put", "db": 1, "at": 4, "hex": "..."} and {"do": "get", "db": 1, "at": 4, "size": 4}, which is answered; db 0 is
the markers. It has DB1 (128 bytes), DB2 (20 bytes), DB7 (900 bytes) and 64 bytes of markers, inputs and outputs.
"""

import json
import logging
import sys

from snap7.server import Server
from snap7.type import SrvArea

logging.disable(logging.CRITICAL)
server = Server(log=False)
memory = {number: bytearray(size) for number, size in ((0, 64), (1, 128), (2, 20), (7, 900))}
for number, data in memory.items():
    server.register_area(SrvArea.DB if number else SrvArea.MK, number, data)
server.register_area(SrvArea.PE, 0, bytearray(range(64)))
server.register_area(SrvArea.PA, 0, bytearray(64))
server.start_to("127.0.0.1", int(sys.argv[1]))
print(json.dumps({"listening": server.server_socket.getsockname()[1]}), flush=True)
for line in sys.stdin:
    order = json.loads(line)
    data, at = memory[order["db"]], order["at"]
    if order["do"] == "put":
        new = bytes.fromhex(order["hex"])
        data[at : at + len(new)] = new
        print(json.dumps({"put": len(new)}), flush=True)
    else:
        print(json.dumps({"hex": data[at : at + order["size"]].hex()}), flush=True)
server.stop()
