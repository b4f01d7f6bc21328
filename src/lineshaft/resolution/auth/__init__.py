"""Who asks, and what they may: proofs (`challenges`, `macs`, `keys`), signed messages (`credentials`), `sessions`,
administrators' rights (`permissions`), and waiting after wrong secrets (`backoff`). Nothing here reads a socket or a store.
"""
