"""An engine in a process of its own: a crash of its native code costs a turn, and not the assistant.

`isolated` gives what `registry.build` would, so that nobody else has to know. The process is started anew
for each engine, ends with it, and does not outlive this one, however this one ends.
"""

from __future__ import annotations

from voiced.isolation._proxies import IsolatedEngine as IsolatedEngine
from voiced.isolation._proxies import isolated

__all__ = ["IsolatedEngine", "isolated"]
