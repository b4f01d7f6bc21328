"""Device profiles: what many devices of one make have in common, kept once and given to each.

A device made from a profile has a copy of its points and groups, so what a gateway runs is whole in itself; applying a
changed profile changes its devices, each with a new version of the configuration.
"""
