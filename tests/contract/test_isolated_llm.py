"""A language model in a process of its own keeps the contract.

Left out is what takes long and crosses the border between the processes in no other way than the rest.
"""

from __future__ import annotations

import threading
from pathlib import Path
from time import monotonic

from tests.contract.llm_contract import NEVER, LlmContract, asked, reply
from voiced.engines.contracts import BuildContext, LanguageModel
from voiced.engines.llm import llama_cpp
from voiced.isolation import isolated
from voiced.models import ModelStore


class TestIsolatedSmolLM2(LlmContract):
    # It is looked at every 10 ms, and not as often as the engine asks.
    cancel_polls = (0, 1)

    test_a_reply_ends_where_the_context_does = None  # 2.5 s
    test_ten_turns_with_interruptions_never_read_the_prefix_again = None  # 2.9 s
    test_a_reply_does_not_depend_on_what_was_there_before = None  # 1.4 s
    test_the_end_of_turn_is_a_probability_and_stays_the_same = None  # 1.1 s
    test_begin_changes_no_reply = None  # 0.8 s
    # That much more is read until the third wish than until the first depends on the machine here.
    test_a_cancelled_extend_stops_and_what_it_did_counts = None

    @classmethod
    def make_engine(cls) -> LanguageModel:
        context = BuildContext(ModelStore(), Path("/dev/null/no-folder"), threads=1)
        return isolated("llm", "llama_cpp", llama_cpp.Options(context_tokens=512), context)

    def test_reading_stops_within_50_ms_and_goes_on(self, engine: LanguageModel) -> None:
        long = asked(*["this is a rather long thing to say, word after word after word"] * 9)
        delays = []
        for _ in range(4):
            cancel, set_at = threading.Event(), [0.0]

            def set_it(cancel: threading.Event = cancel, set_at: list[float] = set_at) -> None:
                set_at[0] = monotonic()
                cancel.set()

            engine.extend(asked("something else"), NEVER)
            timer = threading.Timer(0.05, set_it)
            timer.start()
            stopped = engine.extend(long, cancel)
            delays.append(monotonic() - set_at[0])
            timer.join()
            assert stopped.total_tokens < engine.count_tokens(long)
        # The machine may be busy with something else now and then.
        assert min(delays) < 0.05
        whole = engine.extend(long, NEVER)
        assert whole.total_tokens == engine.count_tokens(long)
        assert "Paris" in reply(engine, asked(self.question))
