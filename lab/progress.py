"""How far a run is, on standard error: a bar on a terminal, a line a step elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lab.scenario.run import Step

Say = Callable[[str], None]


@contextmanager
def progress(say: Say, console: Console | None = None) -> Iterator[Callable[[Step], None]]:
    """Show each step that is given, until the end."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield lambda step: say(", ".join(filter(None, (step.words, left(step.left_s)))))
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None, left="")
        yield lambda step: bar.update(
            task, description=step.words, completed=step.done, total=step.of,
            left=left(step.left_s),
        )  # fmt: skip


def left(seconds: float | None) -> str:
    """`about 20 s left`, `about 3 min left`; nothing where it is not known, or over."""
    if not seconds:
        return ""
    if seconds < 10:
        return f"about {max(1, round(seconds))} s left"
    if seconds < 90:
        return f"about {round(seconds / 5) * 5} s left"
    return f"about {round(seconds / 60)} min left"
