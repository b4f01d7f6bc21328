"""The audit trail in the ledger: each entry's body is kept here, its salted hash stands in a transparency log.

`sequencer` gives entries their places, `queries` finds them again, `part` serves both over the bus. Bodies can be
pruned after their retention and personal fields erased for ever; the log's tree is the same before and after.
Only the access service's process runs it; `web` and the command line ask.
"""
