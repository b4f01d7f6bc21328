"""Stores of identifier records behind one interface: `lmdb` by default, `rocksdb` for thousands of millions, `memory`."""

from lineshaft.resolution.store.base import SPACES as SPACES
from lineshaft.resolution.store.base import Kind as Kind
from lineshaft.resolution.store.base import Pair as Pair
from lineshaft.resolution.store.base import RecordStore as RecordStore
from lineshaft.resolution.store.base import Space as Space
from lineshaft.resolution.store.base import Transaction as Transaction
from lineshaft.resolution.store.base import open_store as open_store
