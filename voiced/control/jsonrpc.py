"""JSON-RPC 2.0, as its specification (jsonrpc.org) has it, one message a line: bytes in, bytes out.

What is left out: batches (a connection may send many lines instead), parameters by position, and
identities that are no string, whole number or null.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
REFUSED: Final = -32000
"""voiced could not do what was asked: the message says why, `data.exit_status` what a command exits with."""

Identity = str | int | None


class RpcError(Exception):
    """A request cannot be answered as asked."""

    def __init__(self, code: int, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class MalformedError(RpcError):
    """A line is no request at all; `identity` is whose answer that is, as far as it can be told."""

    def __init__(self, code: int, message: str, identity: Identity = None) -> None:
        super().__init__(code, message)
        self.identity = identity


@dataclass(frozen=True, slots=True)
class Request:
    """A call; a notification (`wants_answer` false) gets no answer, not even of an error."""

    method: str
    params: dict[str, Any] = field(default_factory=dict)
    identity: Identity = None
    wants_answer: bool = True


def parse(line: bytes) -> Request:
    """The request that a line holds. Raises `MalformedError`."""
    message = _loaded(line)
    if isinstance(message, list):
        raise MalformedError(
            INVALID_REQUEST, "batches are not taken: send each request on a line of its own"
        )
    if not isinstance(message, dict):
        raise MalformedError(INVALID_REQUEST, "a request is an object")
    identity = message.get("id")
    if not isinstance(identity, str | int | None) or isinstance(identity, bool):
        raise MalformedError(INVALID_REQUEST, '"id" must be a string, a whole number or null')
    if message.get("jsonrpc") != "2.0":
        raise MalformedError(INVALID_REQUEST, '"jsonrpc" must be "2.0"', identity)
    method = message.get("method")
    if not isinstance(method, str):
        raise MalformedError(INVALID_REQUEST, '"method" must be a string', identity)
    params = message.get("params", {})
    if not isinstance(params, dict):
        raise MalformedError(
            INVALID_REQUEST, '"params" must be an object: parameters go by name', identity
        )
    return Request(method, params, identity, wants_answer="id" in message)


def result_line(identity: Identity, result: object) -> bytes:
    """The answer to a request that was done."""
    return _line({"id": identity, "result": result})


def error_line(identity: Identity, error: RpcError) -> bytes:
    """The answer to one that was not."""
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        told["data"] = error.data
    return _line({"id": identity, "error": told})


def notification_line(method: str, params: dict[str, Any]) -> bytes:
    """What is told unasked."""
    return _line({"method": method, "params": params})


def _line(members: dict[str, Any]) -> bytes:
    text = json.dumps({"jsonrpc": "2.0", **members}, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


def _loaded(line: bytes) -> object:
    try:
        message = json.loads(line.decode(), parse_constant=_no_number)
        if b"\\u" in line:
            # Half of a surrogate pair is no text: engines and logs could not encode it.
            json.dumps(message, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        # ValueError: no JSON, no UTF-8, or a number of thousands of digits.
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise MalformedError(PARSE_ERROR, f"no JSON: {reason}") from error
    return message


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
