"""Resolving for others: what was learned is kept as long as it may be, and answered at once."""

from lineshaft.resolution.recursive.cache import Cache as Cache
from lineshaft.resolution.recursive.forgetting import Listening as Listening
from lineshaft.resolution.recursive.forgetting import Noting as Noting
from lineshaft.resolution.recursive.resolver import Caching as Caching
from lineshaft.resolution.recursive.resolver import Found as Found
from lineshaft.resolution.recursive.resolver import RecursiveResolver as RecursiveResolver
