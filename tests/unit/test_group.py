"""A group of measurements: at the same time, each from its start on; one that fails ends all."""

import threading
import time
from typing import cast

import pytest

from lab.engine import Engine
from lab.errors import LabError
from lab.scenario.group import Change, together
from lab.scenario.kind import Measured
from lab.scenario.sweep import timed


class Connection:
    """In place of an engine: a job waits on it until it is told to end."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def end(self) -> None:
        self.ended.set()


def connect() -> Engine:
    return cast(Engine, Connection())


def ended(engine: Engine) -> threading.Event:
    return cast(Connection, engine).ended


def test_all_run_at_the_same_time_with_a_connection_each() -> None:
    both = threading.Barrier(2, timeout=5)

    def meet(engine: Engine) -> Engine:
        both.wait()
        return engine

    found = together({"one": meet, "other": meet}, connect=connect)
    assert list(found) == ["one", "other"]
    assert found["one"] is not found["other"]


def test_each_starts_at_its_time_and_the_changes_are_made_at_theirs() -> None:
    begun = time.monotonic()
    made: list[tuple[str, float]] = []

    def at(name: str) -> float:
        made.append((name, time.monotonic() - begun))
        return made[-1][1]

    found = together(
        {"first": lambda _: at("first"), "late": lambda _: at("late")},
        starts_ms={"late": 200},
        changes=[Change(100, lambda: at("change")), Change(60_000, lambda: at("never"))],
        connect=connect,
    )
    assert [name for name, _ in made] == ["first", "change", "late"]
    assert found["late"] >= 0.2
    assert made[1][1] >= 0.1
    assert time.monotonic() - begun < 30


def test_one_that_fails_ends_the_others_and_is_what_is_told() -> None:
    def waits(engine: Engine) -> None:
        assert ended(engine).wait(10)
        raise LabError("ended by somebody")

    def fails(_: Engine) -> None:
        raise LabError("the reason")

    with pytest.raises(LabError, match="the reason"):
        together({"waits": waits, "fails": fails}, connect=connect)


def test_a_change_that_fails_ends_all() -> None:
    def refuse() -> None:
        raise LabError("no such qdisc")

    with pytest.raises(LabError, match="no such qdisc"):
        together(
            {"waits": lambda engine: ended(engine).wait(10)},
            changes=[Change(0, refuse)],
            connect=connect,
        )


def test_one_that_was_not_begun_is_not_begun_any_more() -> None:
    started: list[Engine] = []

    def fails(_: Engine) -> None:
        raise LabError("the reason")

    with pytest.raises(LabError, match="the reason"):
        together(
            {"fails": fails, "late": started.append}, starts_ms={"late": 60_000}, connect=connect
        )
    assert started == []


def test_a_change_is_set_about_before_its_time_and_times_count_from_the_begin() -> None:
    begun = time.monotonic() - 10
    at: list[float] = []
    late = {"late": lambda _: time.monotonic() - begun}
    change = Change(10_300, lambda: at.append(time.monotonic() - begun), lead_ms=200)
    found = together(
        late, starts_ms={"late": 10_400}, changes=[change], begun=begun, connect=connect
    )
    assert 10.1 <= at[0] < 10.4 <= found["late"]


def test_what_a_group_found_is_told_by_one_clock() -> None:
    found = {
        "one": Measured({"sent": 1, "begun_ns": 5_500_000_000}, {"sent_s": [0.0]}),
        "other": Measured({"begun_ns": 6_000_000_000}),
        "none": Measured({}),
    }
    told = timed(found, 5_000_000_000, {2000.0: 7_003_000_000})
    group = {"begun_ns": 5_000_000_000, "steps": [{"at_s": 2.0, "in_force_s": 2.003}]}
    assert told["one"].report == {
        "sent": 1, "begun_ns": 5_500_000_000, "begun_s": 0.5, "group": group,
    }  # fmt: skip
    assert told["one"].series == {"sent_s": [0.0]}
    assert [told[name].report["begun_s"] for name in ("other", "none")] == [1.0, None]
    # With no schedule the first measurement is the begin.
    alone = timed(found, None, {})
    assert alone["one"].report["group"] == {"begun_ns": 5_500_000_000, "steps": []}
    assert [alone[name].report["begun_s"] for name in ("one", "other")] == [0.0, 0.5]
