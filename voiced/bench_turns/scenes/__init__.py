"""What happens between the person and the assistant, one scene a file.

A scene drives the person and notes what it did; what came of it is read from the recording afterwards.
"""
