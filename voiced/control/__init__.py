"""The Unix socket through which the running assistant is asked and watched: JSON-RPC 2.0, a message a line.

`client.py` and `places.py` import little, because a hotkey waits for them; `server.py` is the daemon's side.
"""
