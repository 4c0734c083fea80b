"""Prints and writes the referee's table; see the package's docstring.

Exit codes: 0 all is the same; 1 something is not, or could not be measured; 130 Ctrl-C.
"""

import datetime
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from lab import compose
from tests.kernel.guest import machine
from tests.kernel.referee.gso import springs, trap
from tests.kernel.referee.page import document
from tests.kernel.referee.run import referee
from tests.link.net import network, run

PAGE = compose.ROOT / "docs" / "referee.md"
TOOLS = compose.ROOT / ".tools"
LIMIT_S = 280


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def has_netem() -> bool:
    """Whether this kernel has netem, found by trying it in a namespace of its own."""
    words = ["unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def here(page: Path) -> int:
    """Measure on this kernel, and write the page."""
    with network() as net:
        rows, transfers = referee(net, say=say), trap(net)
    model = platform.machine()
    facts = {
        "kernel": f"{platform.release()} ({model}, {os.cpu_count()} CPU, {_kind()})",
        "iproute2": run("tc", "-V").strip().removeprefix("tc utility, ").removeprefix("iproute2-"),
        "Python": platform.python_version(),
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
    }
    page.write_text(document(rows, transfers, facts), encoding="utf-8")
    return 0 if all(row.verdict.holds for row in rows) and springs(transfers) else 1


def _kind() -> str:
    model = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    return "User-Mode Linux" if "User Mode Linux" in model else "the host's own"


def in_guest() -> int:
    """Measure in the guest; the page comes out through the one folder that it can write to."""
    if lacking := machine.missing():
        say(f"referee: this kernel has no netem; {lacking}")
        return 1
    TOOLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="referee-", dir=TOOLS) as name:
        folder = Path(name)
        page = folder / PAGE.name
        words = ["-m", "tests.kernel.referee", "--here", str(page)]
        try:
            code = machine.run(
                words, tree=compose.ROOT, folder=folder, log=TOOLS / "referee.log", limit_s=LIMIT_S
            )
        except machine.GuestFailed as reason:
            say(f"referee: the guest failed: {reason}")
            return 1
        if page.exists():
            PAGE.write_text(page.read_text(encoding="utf-8"), encoding="utf-8")
    return code


def main(words: list[str]) -> int:
    if words[:1] == ["--here"]:
        return here(Path(words[1]))
    code = here(PAGE) if has_netem() else in_guest()
    if PAGE.exists():
        print(PAGE.read_text(encoding="utf-8"))
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
