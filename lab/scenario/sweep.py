"""Runs a scenario that a file describes: one setting after another, each measured in groups.

Puts in force what a setting asks for, and back what was there. Does not judge (see `expect`) and
writes nothing: whoever runs it is told after each group, and keeps what there is.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from lab import lifecycle
from lab.capture.stations import capturing
from lab.catalogue import PROTOCOLS
from lab.engine import Engine
from lab.errors import NotHere
from lab.impairment import Direction, Impairment
from lab.link import Link
from lab.link.lane import COMMON, Lane
from lab.nodes import Lab
from lab.scenario import estimate, expect
from lab.scenario.group import Change, together
from lab.scenario.measures import KINDS, Measured
from lab.scenario.model import Measure, Scenario, Setting
from lab.scenario.run import Point, Run, Step
from lab.scenario.told import told
from lab.undo import undone

NO_TCP = {"udp"}
"""Kinds after which no TCP connection can have anything left to say."""

LEAD_MS = 400.0
"""A step of a schedule is under way to wan so long before its time, and waits for it there."""

Series = Mapping[str, Mapping[str, Sequence[Any]]]
"""The series of a point: columns by name, by measurement."""


class SweepRun(Run):
    """One run of a scenario from a file; may go on where an earlier one was stopped."""

    def __init__(
        self,
        engine: Engine,
        lab: Lab,
        scenario: Scenario,
        *,
        facts: Mapping[str, Any] | None = None,
        watch: Callable[[Step], None] = lambda _: None,
        keep: Callable[["SweepRun"], None] = lambda _: None,
        captures: Path | None = None,
        connect: Callable[[], Engine] = Engine,
    ) -> None:
        """`keep`: called whenever something new was measured. For the rest see `Run`.

        captures: the folder that packets are kept in; None where they are not.
        """
        super().__init__(engine, lab, facts=facts, watch=watch)
        self.name, self.title, self._scenario = scenario.name, scenario.title, scenario
        self._keep, self._connect, self._captures = keep, connect, captures
        self._reports: list[dict[str, Any]] = [{} for _ in scenario.settings]
        self._series: list[dict[str, Any]] = [{} for _ in scenario.settings]
        self._took_s: dict[estimate.Part, float] = {}
        self._wired: tuple[str, ...] = ()
        self._may_talk = False  # `measure` has waited for quiet before the first
        self._skipped: dict[estimate.Part, str] = {}
        self._points_now: list[Point] = []
        self._judged: list[expect.Judged] = []

    @staticmethod
    def mark(scenario: Scenario) -> str:
        """What tells one scenario from another, to the last character of its file."""
        return sha256(scenario.text.encode()).hexdigest()

    def resume(self, result: Mapping[str, Any], series: Mapping[str, Series]) -> None:
        """Take over what an earlier run of the same scenario measured; series: by case."""
        for index, setting in enumerate(self._scenario.settings):
            point = _of_case(result["points"], setting.case.name)
            for measure in _measures(setting):
                if (report := point.get(measure.name)) is not None:
                    self._reports[index][measure.name] = report
                    columns = series.get(setting.case.name, {}).get(measure.name, {})
                    self._series[index][measure.name] = columns
        self._facts |= {"resumed": [*result.get("resumed", []), self._started]}
        self._started, self._backend = result["started"], result["backend"]
        self._congestion = result["congestion_control"]
        self._judge()

    # --- measuring -------------------------------------------------------------------------

    def _sweep(self) -> None:
        with undone(self._unwire):
            for index, number in self._todo():
                self._measure(index, number)

    def _parts(self) -> list[estimate.Part]:
        """All parts of the run, in their order."""
        parts = [
            (index, number)
            for index, setting in enumerate(self._scenario.settings)
            for number in range(len(setting.groups))
        ]
        if self._scenario.by == "measurements":
            parts.sort(key=lambda part: (part[1], part[0]))
        return parts

    def _todo(self) -> list[estimate.Part]:
        """The parts of which anything is missing."""
        return [
            (index, number)
            for index, number in self._parts()
            if (index, number) not in self._skipped
            and any(
                each.name not in self._reports[index]
                for each in self._scenario.settings[index].groups[number]
            )
        ]

    def _measure(self, index: int, number: int) -> None:
        setting = self._scenario.settings[index]
        group = setting.groups[number]
        names = ", ".join(measure.name for measure in group)
        case = setting.case.name
        begun = time.monotonic()
        self._hush()
        self._step(f"{names} at {case}" if case else names)
        self._wire(setting.route)
        try:
            found, account = self._measured(setting, group, self._capture_file(index, number))
        except NotHere as error:
            # Every other machine may measure it; what this one can measure is as good without it.
            self._skipped[index, number] = f"{case}: {error}" if case else str(error)
            if not self._todo() and not any(self._reports):
                raise
            return
        # A capture has waited until all was said.
        quiet = bool(account) and account["capture"]["agrees"]
        self._may_talk = not quiet and any(measure.kind not in NO_TCP for measure in group)
        for name, measured in found.items():
            self._reports[index][name] = {**measured.report, **account}
            self._series[index][name] = dict(measured.series)
            self._congestion = measured.report.get("congestion_control", self._congestion)
        self._took_s[index, number] = time.monotonic() - begun
        self._judge()
        self._keep(self)

    def _capture_file(self, index: int, number: int) -> Path | None:
        """`<n>-<measure>.pcapng`, n counting the parts of the run from 1."""
        if self._captures is None:
            return None
        self._captures.mkdir(exist_ok=True)
        parts = self._parts()
        names = "-".join(each.name for each in self._scenario.settings[index].groups[number])
        return self._captures / f"{parts.index((index, number)) + 1}-{names}.pcapng"

    def _measured(
        self, setting: Setting, group: Sequence[Measure], file: Path | None
    ) -> tuple[dict[str, Measured], dict[str, Any]]:
        """What each of a group found, and the account of the packets where they are kept."""
        backend = self._put(setting)
        if file is None:
            return self._together(setting, group, backend), {}
        comment = f"{self.title}, {setting.case.name}" if setting.case.name else self.title
        with capturing(self._engine, self._lab, file, comment=comment) as capture:
            found = self._together(setting, group, backend)
        account = capture.account.as_dict() | {"file": f"{file.parent.name}/{file.name}"}
        return found, {"capture": account}

    def _put(self, setting: Setting) -> str:
        """Have the setting in force, by a backend that can do all of its schedule, too."""
        later = [each for _, state in _steps(setting) for each in state.values()]
        # Another backend in the middle would count anew.
        backend = self._link.choose(
            [*_lanes(setting).values(), *later], setting.script, self._scenario.backend
        )
        self._backend = self._link.put(_lanes(setting), backend, setting.script).backend
        return backend

    def _together(
        self, setting: Setting, group: Sequence[Measure], backend: str
    ) -> dict[str, Measured]:
        """Measure a group while the setting's schedule goes on."""
        steps, changes = _steps(setting), []
        begun_ns, begun, in_force_ns = None, None, dict[float, int | None]()
        if steps:
            link, lanes = Link(self._connect(), self._lab), _lanes(setting)
            begun_ns = int(self._engine.python(self._lab.node("wan"), "clock"))
            begun = time.monotonic()

            def put(at_ms: float, state: Mapping[Direction, Impairment]) -> None:
                due_ns = begun_ns + round(at_ms * 1e6)
                put = link.put(lanes | _common(state), backend, setting.script, due_ns)
                in_force_ns[at_ms] = put.since_ns

            changes = [Change(at_ms, partial(put, at_ms, state), LEAD_MS) for at_ms, state in steps]
        alone = len(group) == 1

        def job(measure: Measure) -> Callable[[Engine], Measured]:
            run = KINDS[measure.kind].run
            return lambda engine: run(engine, self._lab, measure.options, alone=alone)

        found = together(
            {measure.name: job(measure) for measure in group},
            starts_ms={measure.name: measure.start_ms for measure in group},
            changes=changes,
            begun=begun,
            connect=self._connect,
        )
        return timed(found, begun_ns, in_force_ns)

    def _hush(self) -> None:
        """Have what an earlier measurement left to say said, as wan would count it in this one."""
        if not self._may_talk:
            return
        if self._busy(1):
            self._link.clear()  # to say it under loss may take minutes
            self._quiet()

    def _wire(self, route: tuple[str, ...]) -> None:
        if route != self._wired:
            self._wired = route  # before it is so: what is half done is undone, too
            lifecycle.rewire(self._engine, self._lab, *route)

    def _unwire(self) -> None:
        if self._wired:
            # Looked up again, as a node that ended meanwhile is named at once and not waited for.
            lifecycle.rewire(self._engine, self._engine.lab(self._lab.name))

    # --- telling ---------------------------------------------------------------------------

    @property
    def samples(self) -> dict[str, Any]:
        """The series of each point."""
        return {
            "points": [
                {"case": setting.case.name, **series}
                for setting, series in zip(self._scenario.settings, self._series, strict=True)
                if series
            ]
        }

    def _judge(self) -> None:
        """Look anew at all that is there."""
        series = {each["case"]: each for each in self.samples["points"]}
        self._points_now = [
            expect.kept(
                self._scenario,
                {
                    "case": setting.case.name,
                    **setting.case.values,
                    **{each.name: reports.get(each.name) for each in _measures(setting)},
                },
                series.get(setting.case.name),
            )
            for setting, reports in zip(self._scenario.settings, self._reports, strict=True)
            if reports
        ]
        self._judged = expect.judge(self._scenario, self._points_now, self.samples["points"])

    @property
    def _progress(self) -> tuple[int, int]:
        of = len(self._parts())
        return of - len(self._todo()), of

    def _left_s(self) -> float | None:
        return estimate.left_s(self._took_s, self._todo())

    @property
    def _points(self) -> Sequence[Point]:
        return self._points_now

    def _broken(self, points: Sequence[Point]) -> list[str]:
        wrong = [
            (each.case, f"{each.name}: {each.found}") for each in self._judged if not each.held
        ]
        wrong += [
            (point["case"], f"capture of {name}: {said}")
            for point in points
            for name, report in point.items()
            if isinstance(report, Mapping) and "capture" in report
            for said in report["capture"]["contradictions"]
        ]
        return [f"{case}: {said}" if case else said for case, said in wrong]

    def _setting(self) -> Mapping[str, Any]:
        scenario = self._scenario
        routes = {" ".join(setting.route) for setting in scenario.settings}
        confidences = [each.confidence for each in scenario.expectations]
        confidence = min(confidences, default=None)
        return {
            "claim": scenario.claim,
            "varied": {name: list(words) for name, words in scenario.varied.items()},
            "tcp_route": ", ".join(sorted(routes)),
            "programs": {each: self._lab.node(f"{each}-server").program for each in PROTOCOLS},
            "confidence": confidence,
            "run_confidence": confidence,
            "captured": self._captures is not None,
            "expectations": [each.as_dict() for each in self._judged],
            "figures": [dict(vars(each)) for each in scenario.figures],
            **told(scenario),
            "skipped": list(self._skipped.values()),
            "complete": self.whole,
            "scenario_sha256": self.mark(scenario),
        }


def timed(
    found: Mapping[str, Measured], begun_ns: int | None, in_force_ns: Mapping[float, int | None]
) -> dict[str, Measured]:
    """What a group found, and when, by the one clock that all nodes share.

    Into each report: `group`, with `begun_ns` (of the schedule, or where there is none, of the
    first measurement) and `steps`, each with `at_s`, when it was to be in force, and
    `in_force_s`, when it was; and `begun_s`, when in the group its series begin.
    """
    begins = [ns for each in found.values() if (ns := each.report.get("begun_ns")) is not None]
    zero_ns = min(begins, default=None) if begun_ns is None else begun_ns

    def since(ns: int | None) -> float | None:
        return None if ns is None or zero_ns is None else (ns - zero_ns) / 1e9

    steps = [{"at_s": at_ms / 1000, "in_force_s": since(ns)} for at_ms, ns in in_force_ns.items()]
    group = {"begun_ns": zero_ns, "steps": steps}
    return {
        name: replace(
            each,
            report={
                **each.report, "begun_s": since(each.report.get("begun_ns")), "group": group,
            },
        )
        for name, each in found.items()
    }  # fmt: skip


def _measures(setting: Setting) -> Iterable[Measure]:
    return (measure for group in setting.groups for measure in group)


def _of_case(points: Iterable[Mapping[str, Any]], case: str) -> Mapping[str, Any]:
    return next((point for point in points if point["case"] == case), {})


def _lanes(setting: Setting) -> dict[Lane, Impairment]:
    found = dict.fromkeys(COMMON, Impairment())
    for client, ways in setting.impairments.items():
        found |= {Lane(direction, client): each for direction, each in ways.items()}
    return found


def _steps(setting: Setting) -> list[tuple[float, Mapping[Direction, Impairment]]]:
    """What the schedule has in force from when on, in ms."""
    if setting.schedule is None:
        return []
    lanes = _lanes(setting)
    return setting.schedule.states({lane.direction: lanes[lane] for lane in COMMON})


def _common(state: Mapping[Direction, Impairment]) -> dict[Lane, Impairment]:
    return {Lane(direction): each for direction, each in state.items()}
