"""The built-in drivers, one package each. They register in the entry point group `lineshaft.drivers` like all others."""
