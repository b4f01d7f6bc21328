"""A foreign CoAP server in its own process, on aiocoap. `python coap_server.py PORT` prints {"listening": port}.

Orders are JSON lines on its input: {"do": "put", "path": "a/b", "payload": hex, "format": 50} sets a resource and notifies;
{"do": "remove", "path": ...}, {"do": "get", "path": ...}, {"do": "observers", "path": ...} and {"do": "silence"}, which ends
notifications without a word. Every order is answered by one line. Every resource can be put by clients but `locked`.
"""

import asyncio
import json
import logging
import sys

from aiocoap import CHANGED, CONTENT, FORBIDDEN, Context, Message, resource

logging.disable(logging.CRITICAL)
silent = False


class Value(resource.ObservableResource):
    def __init__(self, payload, number, max_age, *, locked):
        super().__init__()
        self.payload, self.number, self.max_age, self.locked = payload, number, max_age, locked
        self.count = 0

    def update_observation_count(self, newcount):
        self.count = newcount

    async def render_get(self, request):
        message = Message(code=CONTENT, payload=self.payload)
        if self.number is not None:
            message.opt.content_format = self.number
        if self.max_age is not None:
            message.opt.max_age = self.max_age
        return message

    async def render_put(self, request):
        if self.locked:
            return Message(code=FORBIDDEN)
        self.payload = request.payload
        self.updated_state()
        return Message(code=CHANGED)


class Plain(Value, resource.Resource):
    """Not observable."""

    async def add_observation(self, request, serverobservation):
        return


async def main():
    global silent
    site = resource.Site()
    site.add_resource([".well-known", "core"], resource.WKCResource(site.get_resources_as_linkheader))
    values = {}
    await Context.create_server_context(site, bind=("127.0.0.1", int(sys.argv[1])), transports=["udp6"])
    print(json.dumps({"listening": int(sys.argv[1])}), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        do, path = order["do"], order.get("path")
        answer = {"done": do}
        if do == "put":
            payload = bytes.fromhex(order["payload"])
            if path in values:
                values[path].payload, values[path].number = payload, order.get("format")
                if not silent:
                    values[path].updated_state()
            else:
                kind = Plain if order.get("plain") else Value
                values[path] = kind(payload, order.get("format"), order.get("max_age"), locked=path == "locked")
                site.add_resource(path.split("/"), values[path])
        elif do == "remove":
            site.remove_resource(path.split("/"))
            del values[path]
        elif do == "get":
            answer = {"payload": values[path].payload.hex()}
        elif do == "observers":
            answer = {"count": values[path].count}
        elif do == "silence":
            silent = order["on"]
        print(json.dumps(answer), flush=True)


asyncio.run(main())
