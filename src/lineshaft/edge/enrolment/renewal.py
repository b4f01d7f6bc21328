"""Keeps the certificate of an enrolled gateway in force: renewed at two thirds of its life."""

import asyncio
from typing import Any, Final

from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.core.home import Home
from lineshaft.edge.enrolment.enrol import renew
from lineshaft.edge.enrolment.papers import Papers, renewal_time

_LOOK_SECONDS: Final = 600.0
_RETRY_SECONDS: Final = 60.0


async def keep_renewed(home: Home, log: Any, *, retry_seconds: float = _RETRY_SECONDS) -> None:
    """For ever; a home that has not enrolled is looked at again. A failure is said once, and tried again."""
    papers, failed = Papers(home), ""
    while True:
        certificate = await asyncio.to_thread(papers.certificate)
        if certificate is None or clock.now() < renewal_time(certificate):
            await asyncio.sleep(_LOOK_SECONDS)
            continue
        try:
            renewed = await asyncio.to_thread(renew, home)
        except LineshaftError as error:
            if failed != error.code:
                log.warning("edge_certificate_not_renewed", code=error.code, message=error.message, hint=error.hint)
            failed = error.code
            await asyncio.sleep(retry_seconds)
        else:
            failed = ""
            log.info("edge_certificate_renewed", expires=renewed.expires)
