"""What this machine can do, found by trying; each failure with its cure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from lab import compose, images
from lab.engine import Engine
from lab.errors import LabError


@dataclass(frozen=True)
class Check:
    """One thing looked at. well: whether the lab can work with it as it is.

    found: what is there. cure: what to do about it; empty where nothing is needed.
    """

    name: str
    well: bool
    found: str
    cure: str = ""


def examine(name: str) -> list[Check]:
    """Look at engine, Compose, image source, kernel and leftovers, in that order.

    What hangs on a thing that is missing is left out. name: the lab that leftovers are not.
    """
    checks = [_compose()]
    try:
        engine = Engine()
    except LabError as error:
        return [_failed("engine", error), *checks]
    checks.insert(0, Check("engine", True, f"{engine.version}, kernel {engine.kernel}"))
    image = _image(engine)
    checks.append(image)
    if image.well and not image.cure:
        checks += _kernel(engine)
    checks.append(_leftovers(engine, name))
    return checks


def _failed(name: str, error: LabError) -> Check:
    found, _, cure = str(error).partition("; ")
    return Check(name, False, found, cure)


def _compose() -> Check:
    try:
        return Check("Compose", True, compose.version())
    except LabError as error:
        return _failed("Compose", error)


def _image(engine: Engine) -> Check:
    label = engine.image_label(images.NODE, images.RECIPE_LABEL)
    if label == images.recipe():
        return Check("image", True, f"{images.NODE} is here; no network is needed")
    there = "of another version" if label is not None else "not here yet"
    source = images.source(engine)
    if source is None:
        carry = "lab image save FILE, lab image load FILE"
        cure = f"install {images.missing()}, or bring the image: {carry}"
        return Check("image", False, f"{there}, and no registry answers", cure)
    return Check("image", True, f"{there}; lab up makes it from {source}", "lab up")


_ABILITIES = {
    "netem": "every impairment, by the kernel's own emulator",
    "tc-bpf": "loss, on kernels without netem",
    "tbf": "rate, on kernels without netem",
    "tun": "every impairment and packet rules, in user space",
}


def _kernel(engine: Engine) -> list[Check]:
    """Try each way to impair in a container of the lab's image that has no network."""
    try:
        found: dict[str, Any] = json.loads(engine.try_out(images.NODE, "abilities"))
    except (LabError, ValueError) as error:
        return [Check("kernel", False, str(error), "see the engine's log")]
    able = bool(found["netem"] or found["tun"] or (found["tc-bpf"] and found["tbf"]))
    checks = []
    for name, meaning in _ABILITIES.items():
        if found[name]:
            but = "" if name != "netem" or found["netem-duplicate"] else ", save duplicate"
            checks.append(Check(name, True, meaning + but))
        else:
            cure = "" if able else "use a kernel that has netem, or tun, or cls_bpf, htb and tbf"
            checks.append(Check(name, able, f"not in this kernel ({found['why'][name]})", cure))
    return checks


def _leftovers(engine: Engine, name: str) -> Check:
    labs = engine.labs()
    halves = [each for each, lab in labs.items() if not lab.whole]
    if halves:
        return Check(
            "leftovers", False, f"half a lab: {', '.join(halves)}", "lab up, or lab down --all"
        )
    others = [each for each in labs if each != name]
    running = "no lab is up" if not labs else f"up: {', '.join(labs)}"
    stray = len(engine.networks()) - len(labs)
    if stray > 0:
        return Check("leftovers", False, f"{stray} networks without a lab", "lab down --all")
    return Check("leftovers", True, running + (" (all whole)" if others else ""))


def report(checks: Sequence[Check]) -> RenderableType:
    """For a terminal."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for check in checks:
        mark = Text("ok", "green") if check.well else Text("NO", "bold red")
        table.add_row(mark, check.name, check.found)
        if check.cure:
            table.add_row("", "", f"-> {check.cure}")
    return table
