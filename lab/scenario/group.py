"""Runs one group of measurements: all at the same time, while the link follows a schedule.

Each runs in a thread with a connection to the engine of its own. Knows no setting and keeps
nothing; what is measured comes back when the whole group is done.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from lab.engine import Engine

T = TypeVar("T")

_ASK_AGAIN_S = 0.2


@dataclass(frozen=True)
class Change:
    """Something to be done once at a time after the begin, such as a step of a schedule.

    lead_ms: how much earlier to set about it, as it takes so long on its way.
    """

    at_ms: float
    make: Callable[[], object]
    lead_ms: float = 0.0


def together(
    jobs: Mapping[str, Callable[[Engine], T]],
    *,
    starts_ms: Mapping[str, float] = MappingProxyType({}),
    changes: Sequence[Change] = (),
    begun: float | None = None,
    connect: Callable[[], Engine] = Engine,
) -> dict[str, T]:
    """Run the jobs at once, by name, each from its start on; return what each gave.

    changes: made meanwhile, in their order; those to come when all jobs are done are left out.
    begun: what all times count from (time.monotonic), if not from now.
    The first failure, and Ctrl-C, end all that runs, in the nodes too, and are raised.
    """
    engines = {name: connect() for name in jobs}
    over = threading.Event()
    zero = time.monotonic() if begun is None else begun

    def is_time(at_ms: float) -> bool:
        """Wait for it; False where all is over before."""
        return not over.wait(max(0.0, zero + at_ms / 1000 - time.monotonic()))

    def one(name: str) -> T:
        if not is_time(starts_ms.get(name, 0.0)):
            raise RuntimeError(f"{name} is not begun any more")  # what ended all is raised
        return jobs[name](engines[name])

    def change() -> None:
        for each in changes:
            if not is_time(each.at_ms - each.lead_ms):
                return
            each.make()

    with ThreadPoolExecutor(max_workers=len(jobs) + 1, thread_name_prefix="group") as pool:
        measuring = {name: pool.submit(one, name) for name in jobs}
        changing = pool.submit(change)
        try:
            _await(measuring.values(), changing)
        finally:
            over.set()
            _end(engines.values(), [*measuring.values(), changing])
    changing.result()  # a change that failed after the last job was done
    return {name: future.result() for name, future in measuring.items()}


def _await(jobs: Iterable[Future[Any]], changing: Future[Any]) -> None:
    """Wait until all jobs are done. Raises what the first of them that fails raises."""
    pending = set(jobs)
    while pending:
        watched = pending if changing.done() else pending | {changing}
        done, _ = wait(watched, return_when=FIRST_COMPLETED)
        for each in done:
            each.result()
        pending -= done


def _end(engines: Iterable[Engine], futures: Sequence[Future[Any]]) -> None:
    """Have all threads end; what runs in nodes is ended for those that wait for it."""
    while wait(futures, timeout=0).not_done:
        for engine in engines:
            engine.end()
        wait(futures, timeout=_ASK_AGAIN_S)
