"""JSON-RPC: what is a request, and what is answered to everything else."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiced.control.jsonrpc import (
    INVALID_REQUEST,
    PARSE_ERROR,
    REFUSED,
    MalformedError,
    Request,
    RpcError,
    error_line,
    notification_line,
    parse,
    result_line,
)

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from(["jsonrpc", "id", "method", "params"])
NEARLY_REQUESTS = st.dictionaries(MEMBERS, ANY_JSON | st.just("2.0") | st.just({}))


def test_a_request() -> None:
    line = b'{"jsonrpc":"2.0","id":"a","method":"say","params":{"text":"gr\\u00fc\xc3\x9f"}}\r'
    assert parse(line) == Request("say", {"text": "grüß"}, "a")


def test_without_an_identity_it_is_a_notification_and_null_is_one() -> None:
    assert not parse(b'{"jsonrpc":"2.0","method":"stop"}').wants_answer
    assert parse(b'{"jsonrpc":"2.0","method":"stop","id":null}').wants_answer


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (b"", PARSE_ERROR, "no JSON"),
        (b"GET / HTTP/1.1", PARSE_ERROR, "no JSON"),
        (b"\xff\xfe", PARSE_ERROR, "no JSON"),
        (b'{"jsonrpc":"2.0","id":NaN,"method":"x"}', PARSE_ERROR, "NaN is no number"),
        (b"[" * 60_000, PARSE_ERROR, "nested too deep"),
        (b"9" * 5_000, PARSE_ERROR, "no JSON"),
        (
            rb'{"jsonrpc":"2.0","method":"say","params":{"text":"\ud800"}}',
            PARSE_ERROR,
            "surrogates",
        ),
        (b"17", INVALID_REQUEST, "object"),
        (b"[]", INVALID_REQUEST, "batches"),
        (b'[{"jsonrpc":"2.0","method":"stop"}]', INVALID_REQUEST, "batches"),
        (b'{"id":1,"method":"stop"}', INVALID_REQUEST, "jsonrpc"),
        (b'{"jsonrpc":"2.0","id":1}', INVALID_REQUEST, "method"),
        (b'{"jsonrpc":"2.0","id":true,"method":"stop"}', INVALID_REQUEST, "id"),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"stop"}', INVALID_REQUEST, "id"),
        (b'{"jsonrpc":"2.0","id":1,"method":"stop","params":[1]}', INVALID_REQUEST, "by name"),
    ],
)
def test_what_is_no_request_says_why(line: bytes, code: int, told: str) -> None:
    with pytest.raises(MalformedError, match=told) as caught:
        parse(line)
    assert caught.value.code == code


def test_the_error_goes_to_whom_it_concerns() -> None:
    with pytest.raises(MalformedError) as caught:
        parse(b'{"jsonrpc":"1.0","id":7,"method":"stop"}')
    assert caught.value.identity == 7


@given(st.binary() | ANY_JSON.map(json.dumps).map(str.encode))
def test_any_bytes_are_a_request_or_an_error_that_can_be_sent(line: bytes) -> None:
    check(line)


@given(NEARLY_REQUESTS)
def test_what_is_nearly_a_request_too(message: dict[str, object]) -> None:
    check(json.dumps(message).encode())


def check(line: bytes) -> None:
    try:
        request = parse(line)
    except MalformedError as error:
        answer = json.loads(error_line(error.identity, error))
        assert answer["error"]["message"]
        return
    answer = json.loads(result_line(request.identity, None))
    assert answer["id"] == request.identity


@given(ANY_JSON)
def test_whatever_is_answered_is_one_line(value: object) -> None:
    makers: tuple[Callable[[], bytes], ...] = (
        lambda: result_line(1, value),
        lambda: notification_line("event", {"kind": value}),
        lambda: error_line("x", RpcError(REFUSED, "no", {"why": value})),
    )
    for make in makers:
        try:
            line = make()
        except ValueError:
            # Not a number: JSON has none, and the caller must say so.
            assert "nan" in str(value) or "inf" in str(value)
            continue
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        assert json.loads(line)["jsonrpc"] == "2.0"
