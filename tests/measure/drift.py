"""Measures how well what is played and what is heard stay together while two devices' clocks drift apart.

    python -m tests.measure.drift [--hours 24] [--ppm 0 20 -50 100 -300]

Simulated devices (`tests/support/two_clocks.py`), the far end as it is. A click that is played tells how long
before it can be heard the echo canceller is told of it; what counts is by how much that changes. Takes about
a minute for a day of one clock and one kind of machine.
"""

from __future__ import annotations

import argparse
from typing import Final

import numpy as np

from tests.support.two_clocks import TwoClocks, leads
from voiced.audio.far_end import FarEnd

MACHINES: Final = {
    "idle": {},
    "idle, its clocks wander by 10 ppm": {"wander_ppm": 10.0},
    "busy": {"busy_ms": 1.0, "late_ms": 1.0},
    "too busy": {"busy_ms": 4.0, "late_ms": 6.0},
}


class Args(argparse.Namespace):
    """The command line."""

    hours: float
    ppm: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--ppm", type=float, nargs="+", default=[0, 20, -50, 100, -300])
    args = parser.parse_args(namespace=Args())
    print(
        "by how much the lead differs from its median, in ms: at most within the first minute, the second,"
    )
    print("and after that; in 99 of 100 clicks after that; and the shortest lead of all")
    print(f"{'ppm':>5}{'1st':>7}{'2nd':>7}{'after':>7}{'99 %':>7}{'lead':>7}  machine")
    for machine, manners in MACHINES.items():
        for ppm in args.ppm:
            clocks = TwoClocks(ppm=ppm, seconds=args.hours * 3_600, clicks_every_s=5, **manners)
            found = leads(clocks, FarEnd)
            at_s = np.array([lead.at_s for lead in found])
            lead_ms = np.array([lead.lead_ms for lead in found])
            off_ms = np.abs(lead_ms - np.median(lead_ms))
            after_ms = off_ms[at_s >= 120]
            print(
                f"{ppm:>5.0f}{off_ms[at_s < 60].max():>7.2f}"
                f"{off_ms[(at_s >= 60) & (at_s < 120)].max():>7.2f}{after_ms.max():>7.2f}"
                f"{np.percentile(after_ms, 99):>7.2f}{lead_ms.min():>7.1f}  {machine}",
                flush=True,
            )


if __name__ == "__main__":
    main()
