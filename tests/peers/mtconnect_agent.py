"""A foreign MTConnect agent in its own process: the package `mtconnect` behind the standard library's HTTP server.

`python mtconnect_agent.py DEVICES.xml` prints {"listening": port}; {"do": "push", "item": "x2", "value": 1.5} tells the agent
a value and is answered. It has `probe` and `current`; what it writes is its own.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.modules["_elementtree"] = None  # the package calls getchildren, which Python 3.9 took from the C elements
from xml.etree import ElementTree as ET  # noqa: E402

ET.Element.getchildren = lambda element: list(element)

from mtconnect import MTConnect  # noqa: E402

agent = MTConnect(loc=sys.argv[1], hostname="http://127.0.0.1")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        answer = agent.current() if self.path.strip("/").endswith("current") else agent.probe()
        body = answer.get_xml().encode()
        self.send_response(answer.get_status())
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"listening": server.server_address[1]}), flush=True)
for line in sys.stdin:
    order = json.loads(line)
    agent.push_data(order["item"], order["value"])
    print(json.dumps({"pushed": order["item"]}), flush=True)
server.shutdown()
