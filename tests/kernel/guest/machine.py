"""Boots User-Mode Linux on this machine's own root, read-only, and ends it whatever happens.

What the guest's console says goes to a log, each line with the seconds since boot; what its tests
print between two marks is passed on as it comes. A mark is random, so no test can print one.
"""

import contextlib
import os
import re
import secrets
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

KERNEL = "linux.uml"
MODULES = Path("/usr/lib/uml/modules")
MEMORY = "3G"  # a limit; what the guest does not touch costs nothing
INIT = Path(__file__).with_name("init")


class GuestFailed(Exception):
    """The guest did not come to an end of its tests; the text says how far it came."""


def missing() -> str:
    """What this machine lacks to boot a guest, in a line; empty where it lacks nothing."""
    if os.geteuid() != 0:
        return "booting a guest takes root, whose files the guest reads"
    needs = {
        "user-mode-linux": KERNEL, "crun": "crun", "kmod": "modprobe",
        "iptables": "iptables-legacy", "docker.io": "dockerd",
    }  # fmt: skip
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    lacking = [name for name, program in needs.items() if shutil.which(program, path=path) is None]
    return f"to boot a guest, install {', '.join(lacking)}" if lacking else ""


def run(words: Sequence[str], *, tree: Path, folder: Path, log: Path, limit_s: float) -> int:
    """Boot, run Python with these words in the guest, power off; return its exit code.

    tree: the project. folder: all that the guest can write to; with the image files in it
    (flat.py) there is an engine. The guest's control socket goes there, too. limit_s: after so
    many seconds the guest is ended. Raises `GuestFailed`.
    """
    mark = f"@{secrets.token_hex(8)}"
    settings = {
        "tree": str(tree), "python": sys.executable, "mark": mark, "limit": f"{limit_s:.0f}",
        "words": shlex.join(words),
    }  # fmt: skip
    (folder / "settings").write_text(
        "".join(f"{name}={shlex.quote(value)}\n" for name, value in settings.items())
    )
    command = [
        KERNEL, f"mem={MEMORY}", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro",
        f"init={INIT}", "con=null", "con0=fd:0,fd:1", "quiet",
        f"uml_dir={folder}/", "umid=guest",
        # What a kernel does not know, and has a =, it hands to its init as environment.
        f"NETLAB_FOLDER={folder}",
    ]  # fmt: skip
    with log.open("w") as file, _booted(command) as guest:
        return _follow(guest, mark, file, limit_s)


@contextlib.contextmanager
def _booted(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    guest = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        # A group of its own: the kernel's helpers and the guest's processes are ours to end, and
        # Ctrl-C reaches this program first.
        start_new_session=True,
    )  # fmt: skip
    try:
        yield guest
    finally:
        _end(guest)


def _end(guest: subprocess.Popen[bytes]) -> None:
    """Kill all of the guest, and wait until all of it is gone: its memory takes a moment."""
    deadline = time.monotonic() + 20
    with contextlib.suppress(ProcessLookupError):
        os.killpg(guest.pid, signal.SIGKILL)
        guest.wait()
        while time.monotonic() < deadline:
            os.killpg(guest.pid, 0)
            time.sleep(0.05)
    guest.wait()
    if guest.stdout:
        guest.stdout.close()


def _follow(guest: subprocess.Popen[bytes], mark: str, log: TextIO, limit_s: float) -> int:
    """Read the console to its end; pass on what lies between the marks `begin` and `end CODE`."""
    started, code, testing, last = time.monotonic(), None, False, ""
    for line in _lines(guest, started + limit_s):
        log.write(f"{time.monotonic() - started:7.2f} {line}\n")
        log.flush()
        if mark not in line:
            last = line or last
            if testing:
                print(line, flush=True)
            continue
        # A test that ended in mid-line must not hide the mark.
        verb, _, rest = line.partition(mark)[2].strip().partition(" ")
        if verb == "failed":
            raise GuestFailed(rest)
        testing = verb == "begin"
        if testing:
            print(f"guest: {rest}", flush=True)
        elif re.fullmatch(r"\d+", rest):
            code = int(rest)
    if code is None:
        taken = time.monotonic() - started
        doing = "in the middle of its tests" if testing else "before its tests"
        raise GuestFailed(f"it ended after {taken:.0f} s (limit {limit_s:.0f} s) {doing}: {last}")
    return code


def _lines(guest: subprocess.Popen[bytes], deadline: float) -> Iterator[str]:
    """The console's lines until the guest closes it or the deadline is over."""
    assert guest.stdout
    rest = b""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([guest.stdout], [], [], left)[0]:
            break
        chunk = os.read(guest.stdout.fileno(), 65536)
        if not chunk:
            break
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace").rstrip("\r")
    if rest:
        yield rest.decode("utf-8", "replace")
