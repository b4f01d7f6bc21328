"""Many records at once: reading them from NDJSON and CSV, putting them into stored form, taking them out again.

What is refused of one line does not touch the others; a faulty line is named with its number and reason.
"""

from lineshaft.resolution.bulk.packing import Fault as Fault
from lineshaft.resolution.bulk.packing import Packer as Packer
from lineshaft.resolution.bulk.reading import lines_of as lines_of
from lineshaft.resolution.bulk.resume import Place as Place
