"""Run the benchmark; see the package. Exit codes: 0 measured; 1 not; 130 Ctrl-C."""

import os
import platform
import signal
import sys
import time
from types import FrameType
from typing import NoReturn

from rich.console import Console

from lab import compose, images, lifecycle
from lab.engine import Engine
from lab.errors import LabError
from tests.bench import captures, ground, pacing, page, programs, standing, userspace

NAME = "b-bench"
MOST_S = 300


def _facts(engine: Engine) -> str:
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    facts = (
        f"{cores} cores ({platform.machine()}), kernel {engine.kernel}, engine {engine.version}, "
        f"Compose {compose.version()},\nPython {platform.python_version()}; load before: {load:.1f}"
    )
    busy = "\nthe machine is busy with something else: the figures will scatter"
    return facts + (busy if load > cores / 2 else "")


def _bench(engine: Engine, console: Console) -> None:
    console.print(page.standing(standing.measure(engine)))
    console.print(page.reading(captures.measure()))
    with ground.tools(engine) as why:
        overrides = [] if why else [ground.OVERRIDE]
        with ground.standing(engine, NAME, *overrides) as lab:
            if why:
                console.print(f"skipped: the probe against irtt and sockperf: {why}", style="red")
            else:
                pacing.start_servers(engine, lab)
                console.print(page.irtt(pacing.against_irtt(engine, lab)))
                paced = pacing.against_sockperf(engine, lab)
                console.print(page.sockperf(paced, pacing.flat_out(engine, lab)))
                console.print(page.pacing_note())
                console.print(
                    page.link(userspace.carried(engine, lab), userspace.kept(engine, lab))
                )
            console.print(page.echo(programs.measure(engine, lab)))


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _too_long(_number: int, _frame: FrameType | None) -> NoReturn:
    raise ground.BenchError(f"not done after {MOST_S} s; stopped")


def main() -> int:
    """Measure and print; leave nothing behind."""
    for name in ("SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), _interrupt)
    signal.signal(signal.SIGALRM, _too_long)
    width = page.WIDTH
    if sys.stdout.isatty():
        width = min(width, Console().width)
    console = Console(highlight=False, width=width)
    try:
        engine = Engine()
        images.ensure(engine, console.print)  # not part of the time: it may have to be built
        with lifecycle.held(NAME, console.print):  # two at once would measure each other
            signal.alarm(MOST_S)
            begun = time.monotonic()
            console.print(_facts(engine))
            _bench(engine, console)
            took, load = time.monotonic() - begun, os.getloadavg()[0]
            # Measured with nothing else at work; far above it, somebody else was.
            console.print(f"took {took:.0f} s; load after: {load:.1f} (about 4 when alone)")
    except LabError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    finally:
        signal.alarm(0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
