"""`voiced transcribe`: sound files to text."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voiced.cli.common import add_command, print_json, run_async, settings_from
from voiced.errors import InputError

if TYPE_CHECKING:
    from voiced.engines.contracts import SpeechToText
    from voiced.inference import Host

_EPILOG = """\
examples:
  voiced transcribe question.wav
  voiced transcribe *.flac --json | jq -r '.[].text'
  voiced --set stt.engine=faster_whisper transcribe lecture.wav

Any format that libsndfile reads: WAV, FLAC, Ogg; any rate and number of channels.
With several files, one that cannot be read is reported, and the others are transcribed.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    parser = add_command(
        subparsers, "transcribe", "write down what is said in sound files", _EPILOG
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a sound file")
    parser.add_argument(
        "--json", action="store_true", help="a list of objects: file, text, confidence, seconds"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Transcribe each file."""
    return run_async(_transcribe_all(args))


async def _transcribe_all(args: argparse.Namespace) -> int:
    from voiced.workshop import Engines, Workshop

    status = 0
    rows: list[dict[str, Any]] = []
    async with Workshop(Engines(settings_from(args))) as workshop:
        stt = await workshop.stt()
        for file in args.files:
            try:
                row = await _transcribe(file, stt)
            except InputError as error:
                print(f"voiced: {error}", file=sys.stderr)
                status = error.exit_status
                continue
            rows.append(row)
            if not args.json:
                print(f"{file}: {row['text']}" if len(args.files) > 1 else row["text"], flush=True)
    if args.json:
        print_json(rows)
    return status


async def _transcribe(file: Path, stt: Host[SpeechToText]) -> dict[str, Any]:
    from voiced.audio.wavfile import SoundReader
    from voiced.types import SAMPLE_RATE_HZ, AudioChunk

    reader = SoundReader(file)
    try:
        session = await stt.run(lambda engine: engine.open())
        try:
            samples = 0
            for piece in reader.pieces():
                chunk = AudioChunk(piece, start_sample=samples)
                await stt.run(lambda _, c=chunk: session.feed(c))  # type: ignore[misc]
                samples += len(piece)
            transcript = await stt.run(lambda _: session.transcript())
        finally:
            stt.submit(lambda _: session.close())
    finally:
        reader.close()
    return {
        "file": str(file),
        "text": transcript.text,
        "confidence": round(transcript.confidence, 3),
        "seconds": round(samples / SAMPLE_RATE_HZ, 3),
    }
