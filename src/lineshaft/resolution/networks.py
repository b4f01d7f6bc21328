"""What is taken for one source of requests: the network of an address, since one host may have many of its addresses."""


def network_of(address: str) -> str:
    """The network whose hosts are taken for one source: /24 of IPv4, /64 of IPv6."""
    if ":" not in address:
        return address.rpartition(".")[0]
    if address.startswith("::ffff:") and "." in address:
        return address[7:].rpartition(".")[0]
    head, double, tail = address.partition("%")[0].partition("::")
    groups = head.split(":") if head else []
    if double:
        after = tail.split(":") if tail else []
        groups += ["0"] * (8 - len(groups) - len(after))
        groups += after
    return ":".join(groups[:4])
