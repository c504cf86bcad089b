"""Real-time priority for the thread that a sound device waits for."""

from __future__ import annotations

import os
import resource
from typing import Final

_PRIORITY: Final = 10
"""Below a sound server's own threads (PipeWire's have 88), above all that is not
real-time."""


def ask_for_real_time() -> bool:
    """Have the calling thread run before others, as far as RLIMIT_RTPRIO lets this process: sched(7).

    False where it does not. Whoever the thread starts does not inherit it.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    if allowed == 0:
        return False
    priority = _PRIORITY if allowed == resource.RLIM_INFINITY else min(_PRIORITY, allowed)
    try:
        # 0 is the thread that calls.
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except OSError:
        return False
    return True
