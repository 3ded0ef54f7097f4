"""The wait for a host that can hold a trial: how long it lasts, and how often the hosts are looked at."""

import time

from spaces.resources import Resources

JOIN_S = 600.0
"""Seconds to wait for a host that can hold a trial: a cluster may start its hosts by itself."""
LOOK_S = 2.0
"""Seconds between two looks at the hosts."""


class HostWait:
    """Measures for how long no host has been there that can hold a trial; Ray must be connected.

    Args:
        resources: what a trial needs.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._looked_at = self._seen_at = time.monotonic()

    def seen(self) -> None:
        """Notes that a host is at work, without a look at the hosts."""
        self._seen_at = time.monotonic()

    def over(self) -> bool:
        """Whether `JOIN_S` have passed since a host was last seen; looks again after `LOOK_S`."""
        from search.hosts.parallel import hosts_for

        now = time.monotonic()
        if now - self._looked_at >= LOOK_S:
            self._looked_at = now
            if hosts_for(self._resources):
                self._seen_at = now
        return now - self._seen_at >= JOIN_S
