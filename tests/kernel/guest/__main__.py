"""Runs tests/kernel where netem is; see the package's docstring."""

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import NoReturn

from lab import compose, images
from lab.engine import Engine
from lab.errors import LabError

from . import flat, machine

TOOLS = compose.ROOT / ".tools"
LOG = TOOLS / "netem-guest.log"
PYTEST = ["-m", "pytest", "-p", "no:cacheprovider"]
LIMIT_S = 600
"""What hangs ends then. It takes six minutes, and on a machine that is busy with something else
more, which is no reason to fail."""


def say(text: str) -> None:
    print(f"test-netem: {text}", file=sys.stderr, flush=True)


def has_netem(engine: Engine) -> bool:
    """Whether the engine's kernel has netem, found by trying it inside the lab's image."""
    found = json.loads(engine.try_out(images.NODE, "abilities"))
    return bool(found["netem"])


def on_host(words: list[str]) -> int:
    say("this kernel has netem")
    # A group of its own, so that Ctrl-C reaches pytest once, from here, and its labs are removed.
    pytest = subprocess.Popen(
        [sys.executable, *PYTEST, *words], cwd=compose.ROOT, start_new_session=True
    )
    try:
        return pytest.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        say(f"not done within {LIMIT_S} s")
        return 1
    finally:
        _end(pytest)


def _end(pytest: subprocess.Popen[bytes]) -> None:
    """Ask for an end, and after 30 s insist."""
    for end in (signal.SIGINT, signal.SIGKILL):
        if pytest.poll() is None:
            pytest.send_signal(end)
            with contextlib.suppress(subprocess.TimeoutExpired):
                pytest.wait(30)


def in_guest(engine: Engine, words: list[str]) -> int:
    if lacking := machine.missing():
        say(f"this kernel has no netem; {lacking} (as root on Debian, Ubuntu: lab/setup.sh netem)")
        return 1
    say("this kernel has no netem; booting User-Mode Linux, which has")
    TOOLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="netem-", dir=TOOLS) as folder:
        try:
            flat.write(engine, Path(folder))
            code = machine.run(
                [*PYTEST, *words], tree=compose.ROOT, folder=Path(folder), log=LOG, limit_s=LIMIT_S
            )
        except machine.GuestFailed as reason:
            say(f"the guest failed: {reason}")
            code = 1
    if code == 0:
        LOG.unlink()
    else:
        say(f"the guest's log: {LOG.relative_to(compose.ROOT)}")
    return code


def main(words: list[str]) -> int:
    try:
        engine = Engine()
        images.ensure(engine, say)
        here = has_netem(engine)
    except LabError as error:
        say(str(error))
        return error.exit_code
    if words == ["--where"]:
        print("host" if here else "guest")
        return 0
    words = words or ["tests/kernel", "--verbose", "--durations=5"]
    return on_host(words) if here else in_guest(engine, words)


def _terminated(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminated)  # so that what was begun is undone then, too
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
