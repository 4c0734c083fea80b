"""The command `lab`: with `lab.commands`, the only modules that print and exit.

Answers go to standard output (with --json one object, and nothing else), all other lines to
standard error. Exit codes: 0 well; 1 the lab or an expectation failed; 2 bad input; 130 Ctrl-C.
"""

import signal
import sys
from types import FrameType
from typing import NoReturn

import click

from lab import options
from lab.commands import capture, experiments, image, life, link, nodes, probe
from lab.commands.shared import INTERRUPTED, say
from lab.errors import LabError


@click.group(
    cls=options.Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def lab() -> None:
    """A network lab in containers: see and measure what UDP drops and TCP repairs."""


for command in (
    *(life.doctor_, life.up, life.down, life.status_),
    *(link.impair, link.fates, probe.probe),
    *(experiments.list_, experiments.run, experiments.report, experiments.compare),
    *(nodes.shell, nodes.logs, image.image, capture.capture),
):
    lab.add_command(command)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command; every error that a user can cause is one line."""
    for name in ("SIGTERM", "SIGHUP"):  # a closed terminal undoes as Ctrl-C does
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    try:
        code = lab.main(sys.argv[1:] or ["--help"], prog_name="lab", standalone_mode=False)
    except LabError as error:
        say(str(error))
        sys.exit(error.exit_code)
    except click.UsageError as error:
        say(options.usage(error))
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        say("interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `lab list | head`
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
