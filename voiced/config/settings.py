"""The schema: every key of the configuration, with its default, its limits and its meaning.

A table of the TOML file is a class here, a key is a field. `Meta(description=...)` is what `voiced
config show` prints. A unit stands at the end of a name (`_ms`, `_tokens`, `_percent`) and is named
in messages. The tables of engines, `[<kind>.<engine>]`, belong to the engines: their `Options`
types are handed to `load_settings`, never imported.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from voiced.core.prompt import SYSTEM_PROMPT

ENGINE_KINDS: Final = ("vad", "wake", "stt", "llm", "tts")
"""The tables whose `engine` key chooses an engine, in the order in which sound travels."""

NO_ENGINE: Final = "none"
"""Chooses no engine, where a key in `OPTIONAL_ENGINES` allows it."""

OPTIONAL_ENGINES: Final = ("llm.engine", "llm.fallback", "tts.fallback")


class AudioSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The microphone and the speaker."""

    input: Annotated[
        str,
        Meta(
            description="The microphone: a part of its name as `voiced devices` shows it; "
            "empty takes the system's default."
        ),
    ] = ""
    output: Annotated[
        str,
        Meta(
            description="The speaker: a part of its name as `voiced devices` shows it; "
            "empty takes the system's default."
        ),
    ] = ""
    latency_ms: Annotated[
        int,
        Meta(
            ge=10,
            le=1000,
            description="The sound card's buffer, in milliseconds. More survives a busy machine, "
            "less answers and falls silent sooner.",
        ),
    ] = 60
    volume_percent: Annotated[
        int,
        Meta(
            ge=0,
            le=200,
            description="How loud it speaks, in percent of the voice's own loudness; `voiced ctl volume` "
            "changes it while it runs.",
        ),
    ] = 100
    echo_cancellation: Annotated[
        bool,
        Meta(
            description="Whether what the speaker plays is taken out of what the microphone hears; "
            "without it only the wake word interrupts an answer."
        ),
    ] = True
    noise_suppression: Annotated[
        bool,
        Meta(
            description="Whether steady noise (a fan, a hum) is taken out before anything hears it."
        ),
    ] = False


class VadSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Voice activity: whether somebody speaks at all."""

    engine: Annotated[str, Meta(description="The engine that tells speech from other sound.")] = (
        "gated"
    )


class WakeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The wake word."""

    enabled: Annotated[
        bool,
        Meta(
            description="Whether a wake word has to be said first; false takes everything that is "
            "said for a question."
        ),
    ] = True
    engine: Annotated[str, Meta(description="The engine that listens for the wake word.")] = (
        "microwakeword"
    )


class SegmenterSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What counts as speech, and how much sound belongs to an utterance."""

    start_probability: Annotated[
        float, Meta(ge=0, le=1, description="Sound counts as speech from this probability on.")
    ] = 0.6
    end_probability: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="While somebody speaks, sound counts as speech down to this probability.",
        ),
    ] = 0.45
    min_speech_ms: Annotated[
        int,
        Meta(
            ge=20,
            le=160,
            description="How much of 160 ms has to be speech for somebody to be speaking, in "
            "milliseconds: a click is less.",
        ),
    ] = 80
    pre_roll_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=1000,
            description="How much sound before the first speech belongs to it, in milliseconds.",
        ),
    ] = 300
    max_utterance_ms: Annotated[
        int, Meta(ge=1000, le=120_000, description="The longest utterance, in milliseconds.")
    ] = 30_000


class EndpointingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the person has finished."""

    pause_ms: Annotated[
        int,
        Meta(
            ge=40,
            le=2000,
            description="The silence after which what was said so far is looked at, in "
            "milliseconds; the person may go on.",
        ),
    ] = 120
    silence_ms: Annotated[
        int,
        Meta(
            ge=100,
            le=5000,
            description="The silence that ends an utterance, in milliseconds, where what was said tells "
            "nothing. A whole sentence ends sooner, one that hangs later.",
        ),
    ] = 700
    max_silence_ms: Annotated[
        int,
        Meta(
            ge=200,
            le=10_000,
            description="The silence that ends any utterance, in milliseconds.",
        ),
    ] = 1500
    listen_timeout_ms: Annotated[
        int,
        Meta(
            ge=1000,
            le=60_000,
            description="How long to wait for somebody to speak after the wake word, in "
            "milliseconds.",
        ),
    ] = 6000


class ConversationSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the two of you take turns."""

    barge_in: Annotated[
        Literal["auto", "voice", "wake", "off"],
        Meta(
            description='What interrupts an answer: any "voice", the "wake" word (or "stop"), or "off"; '
            '"auto" takes the voice where echo cancellation knows what is played.'
        ),
    ] = "auto"
    follow_up_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=60_000,
            description="How long it listens after an answer without the wake word, in milliseconds; "
            "0 not at all.",
        ),
    ] = 5000
    speculation: Annotated[
        Literal["auto", "off", "transcript", "first-clause"],
        Meta(
            description='What is done at a pause, before it is certain that you have finished: "off" '
            'nothing, "transcript" what you said is understood, "first-clause" the answer is begun; '
            '"auto" does what the machine has the time for.'
        ),
    ] = "auto"


class SttSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Speech to text."""

    engine: Annotated[str, Meta(description="The engine that transcribes.")] = "pocketsphinx"
    min_confidence: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="How likely it must be that every word of a transcript is right; the "
            "person is asked again below that.",
        ),
    ] = 0.15


class LlmSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The language model, for what no skill answers."""

    engine: Annotated[
        str, Meta(description='The engine that thinks up answers; "none" leaves it to the skills.')
    ] = "llama_cpp"
    fallback: Annotated[
        str,
        Meta(
            description="The engine that answers where the first one cannot (its model crashed, its server "
            'is away); "none" leaves it to the skills.'
        ),
    ] = "none"
    max_tokens: Annotated[
        int,
        Meta(
            ge=1, le=4096, description="The longest answer, in tokens (about 3/4 of a word each)."
        ),
    ] = 60
    system_prompt: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=4000,
            description="What the language model is told before every conversation.",
        ),
    ] = SYSTEM_PROMPT


class TtsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Text to speech."""

    engine: Annotated[str, Meta(description="The engine that speaks.")] = "piper"
    fallback: Annotated[
        str,
        Meta(
            description="The engine that speaks where the first one cannot (its voice is missing, "
            'or of another language); "none" stays silent.'
        ),
    ] = "espeak"


class SoundSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The short sounds for listening, done and error."""

    enabled: Annotated[bool, Meta(description="Whether they are played.")] = True
    volume_percent: Annotated[
        int,
        Meta(
            ge=0,
            le=400,
            description="How loud they are, in percent of their own, soft loudness (-20 dBFS).",
        ),
    ] = 100


class EngineSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How engines are kept from doing harm when they fail."""

    isolate: Annotated[
        tuple[Literal["stt", "llm", "tts"], ...],
        Meta(
            description="Which of them run in a process of their own, so that a crash of their native code "
            "costs a turn and not the assistant; each costs memory and a few milliseconds a turn."
        ),
    ] = ()
    deadline_ms: Annotated[
        int,
        Meta(
            ge=1000,
            le=600_000,
            description="How long one step of an engine may take before it counts as hung and is built anew, "
            "in milliseconds.",
        ),
    ] = 15_000


class ControlSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The socket through which `voiced ctl`, `ptt` and `status` reach the running assistant."""

    enabled: Annotated[bool, Meta(description="Whether there is one.")] = True
    socket: Annotated[
        str,
        Meta(description="Its path; empty takes voiced/control.sock in the user's runtime folder."),
    ] = ""


class MetricsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Figures for Prometheus."""

    port: Annotated[
        int,
        Meta(
            ge=0,
            le=65_535,
            description="The port on this machine (127.0.0.1) at which they are served; 0 serves none. "
            "`voiced ctl metrics` prints them in any case.",
        ),
    ] = 0


class DebugSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What helps to find out why something went wrong, and keeps what was said: off unless asked for."""

    trace_file: Annotated[
        str,
        Meta(description="A file to which each turn appends a line of JSON; empty writes none."),
    ] = ""
    record_turns: Annotated[
        bool,
        Meta(description="Whether the sound of every utterance is kept, for its owner alone."),
    ] = False
    keep_turns: Annotated[
        int, Meta(ge=1, le=100_000, description="How many recordings are kept.")
    ] = 100
    keep_mb: Annotated[
        int, Meta(ge=1, le=100_000, description="How much room recordings may take, in megabytes.")
    ] = 100
    keep_days: Annotated[
        int, Meta(ge=1, le=3650, description="How long a recording is kept, in days.")
    ] = 7


class EngineOptions(Struct, frozen=True, kw_only=True):
    """The table `[<kind>.<name>]`, as the engine's own `Options`."""

    kind: str
    name: str
    options: Struct


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration. `Settings()` holds the built-in defaults."""

    preset: Annotated[
        str,
        Meta(
            description="The class of machine whose choices stand behind yours; `voiced models "
            "list` names them."
        ),
    ] = "embedded"
    language: Annotated[
        str,
        Meta(
            pattern="^[a-z]{2,3}$",
            examples=["en"],
            description="The language that is spoken, as its ISO 639-1 code.",
        ),
    ] = "en"
    threads: Annotated[
        int,
        Meta(
            ge=0,
            le=256,
            description="How many cores an engine may use at once; 0 chooses by the machine.",
        ),
    ] = 0
    audio: AudioSettings = AudioSettings()
    vad: VadSettings = VadSettings()
    wake: WakeSettings = WakeSettings()
    segmenter: SegmenterSettings = SegmenterSettings()
    endpointing: EndpointingSettings = EndpointingSettings()
    conversation: ConversationSettings = ConversationSettings()
    stt: SttSettings = SttSettings()
    llm: LlmSettings = LlmSettings()
    tts: TtsSettings = TtsSettings()
    sounds: SoundSettings = SoundSettings()
    engines: EngineSettings = EngineSettings()
    control: ControlSettings = ControlSettings()
    metrics: MetricsSettings = MetricsSettings()
    debug: DebugSettings = DebugSettings()

    engine_options: tuple[EngineOptions, ...] = ()
    """Of every engine that is chosen or configured; not a key of the file."""

    def options(self, kind: str, name: str) -> Struct | None:
        """The options of an engine; None where nothing chose or configured it: its own defaults."""
        for entry in self.engine_options:
            if (entry.kind, entry.name) == (kind, name):
                return entry.options
        return None
