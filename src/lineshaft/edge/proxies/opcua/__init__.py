"""The gateway part `opcua_proxy`: OPC UA clients reach the points of one OPC UA device, by the node ids that it has.

The client's session ends here; reads are answered from the board, writes pass the guard and go to the device through the
session that the gateway has with it. `document` says who may come, `mirror` which nodes there are, `session` judges what
a client asks, `writes` carries writes out, `server` puts them together, `part` is the gateway part.
"""
