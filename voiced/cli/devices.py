"""`voiced devices`: the microphones and speakers that the configuration can name."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from voiced.cli.common import add_command, print_json

if TYPE_CHECKING:
    from voiced.audio.devices import Device
    from voiced.audio.portaudio import PortAudio

_EPILOG = """\
examples:
  voiced devices                              what there is
  voiced devices --json | jq -r '.inputs[].name'
  voiced --set audio.input=USB run            use the one microphone with USB in its name

A name, or any part of it that only one device has, goes into the configuration:
  [audio]
  input = "USB Audio"
  output = "Jabra"
Without one the system's default is used. Names stay the same when a device is plugged in again.
exit status: 0, or 71 where PortAudio is missing or the sound system does not answer.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to `voiced`'s."""
    parser = add_command(subparsers, "devices", "list microphones and speakers", _EPILOG)
    parser.add_argument("--json", action="store_true", help='an object: "inputs" and "outputs"')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the devices."""
    from voiced.audio.devices import Direction
    from voiced.audio.portaudio import PortAudio

    portaudio = PortAudio()
    inputs = [_about(portaudio, device) for device in portaudio.devices(Direction.INPUT)]
    outputs = [_about(portaudio, device) for device in portaudio.devices(Direction.OUTPUT)]
    if args.json:
        print_json({"inputs": inputs, "outputs": outputs})
    else:
        _print_table("microphones", inputs)
        _print_table("speakers", outputs)
    return 0


def _about(portaudio: PortAudio, device: Device) -> dict[str, Any]:
    return {
        "name": device.name,
        "default": device.is_default,
        "host_api": device.host_api,
        "channels": device.channels,
        "rates_hz": list(portaudio.rates_hz(device)),
        "default_rate_hz": device.default_rate_hz,
    }


def _print_table(title: str, devices: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not devices:
        print(f"no {title}: plug one in, or start the sound server")
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("name", overflow="fold")
    table.add_column("through", no_wrap=True)
    table.add_column("channels", justify="right", no_wrap=True)
    table.add_column("kHz", overflow="fold")
    for device in devices:
        rates = " ".join(f"{rate_hz / 1000:g}" for rate_hz in device["rates_hz"])
        table.add_row(
            "*" if device["default"] else "",
            # As it is: a name may have brackets, which are markup to rich.
            Text(device["name"]),
            device["host_api"],
            str(device["channels"]),
            rates or "busy, or it refuses 16-bit samples",
        )
    console.print(table)
    console.print("[dim]* used where none is named[/dim]\n")
