"""What the assistant leaves behind of what it does: figures, logs, traces, recordings; and its word not to
go online. Everything here watches `events.py` or stands beside the pipeline; nothing in it waits for this.
"""
