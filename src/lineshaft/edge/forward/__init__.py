"""Store and forward: a gateway's batches wait in a bus of its own until the history has them.

The lane stores each batch in the stream EDGE of a nats-server on this machine (`local`, `store`). The forwarder sends
them on to the hub: what is made now first, what could not be sent earlier behind it (`forwarder`). A batch leaves the
store when the history says that it is durable (`index`), or, counted, when the store is over its bounds (`keeper`,
`drops`). On a box, hub and edge in one, none of this runs. Imported by the gateway's service only.
"""

from lineshaft.edge.forward.part import StoreAndForward as StoreAndForward

__all__ = ["StoreAndForward"]
