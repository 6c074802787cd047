"""How often somebody may ask: token buckets in memory, one for each kind of request and each asker.

A restart forgets them. Nobody but the studio's host can bring one about, and it gives away ten guesses at a password, or
thirty at a link of 256 bits; written down, each guess would cost the database a durable write, which is worse.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facefatigue.studio.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At most `count` at once, refilled evenly within `period_s` seconds."""

    count: int
    period_s: float


# Sign-in: OWASP's advice is to slow guessing down, not to lock an account, which would let anybody lock the owner out.
# Uploads: chunks of up to 4 MiB; 1200 a minute are 80 MiB a second of one volunteer.
RATES: Mapping[str, Rate] = {
    "sign_in": Rate(count=10, period_s=300.0),
    "link": Rate(count=30, period_s=60.0),
    "json": Rate(count=600, period_s=60.0),
    "upload": Rate(count=1200, period_s=60.0),
}
# Those used longest ago are forgotten beyond this many: about 20 MB.
_MOST_BUCKETS = 100_000


class Throttle:
    """Counts requests, and refuses those that come too fast.

    Args:
        rates: For each kind of request.
        clock: Seconds that only ever grow.
    """

    def __init__(self, rates: Mapping[str, Rate] = RATES, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates
        self._clock = clock
        self._lock = threading.Lock()
        # What is left in the bucket, and when that was so; in the order of last use.
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def take(self, kind: str, who: str) -> None:
        """Count one request.

        Args:
            kind: A key of `rates`.
            who: Whatever tells one asker from another: a session, an :func:`address`, a name.

        Raises:
            Refusal: 429; "retry_after_s" in its detail says how long to wait.
        """
        rate = self._rates[kind]
        with self._lock:
            moment = self._clock()
            left, since = self._buckets.pop((kind, who), (float(rate.count), moment))
            left = min(rate.count, left + (moment - since) * rate.count / rate.period_s)
            granted = left >= 1
            self._buckets[kind, who] = (left - 1 if granted else left, moment)
            while len(self._buckets) > _MOST_BUCKETS:
                self._buckets.popitem(last=False)
        if not granted:
            wait_s = max(1, round((1 - left) * rate.period_s / rate.count + 0.5))
            raise Refusal(429, "too_often", f"too many requests; try again in {wait_s} s", retry_after_s=wait_s)


def address(host: str | None) -> str:
    """The asker's address as counted: an IPv6 network of 64 bits counts as one, since whoever has one has all of it."""
    try:
        found = ipaddress.ip_address(host or "")
    except ValueError:
        return host or "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
