"""The machine's clock."""

import time

from reclave.domain.time import Instant


class SystemClock:
    """`time.time_ns`, in microseconds."""

    def now(self) -> Instant:
        """Now, in microseconds UTC."""
        return time.time_ns() // 1000
