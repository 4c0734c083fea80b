"""Scenario files that are read: every field, what is put in for each point, and the catalogue's."""

from pathlib import Path

import pytest

import lab
from lab.impairment import Direction, Impairment
from lab.link import Script
from lab.scenario.expect import intervals, judge, kept
from lab.scenario.file import read
from lab.scenario.measures import KINDS as REAL
from lab.scenario.model import Case, Measure, Scenario
from lab.schedule import Schedule
from lab.stats import exact_interval, run_confidence
from tests.unit.scenario_kinds import KINDS

SERVER, CLIENT = Direction.TOWARD_SERVER, Direction.TOWARD_CLIENT
CATALOGUE = Path(lab.__file__).parent / "scenarios"

EVERYTHING = """\
title: All that a file can have
claim: >
  It is read,
  every field of it.
servers: {tcp: tcp_threaded}
clients: 2
vary:
  loss: [0%, 5%]
  cc: [reno, cubic]
impair:
  toward server: {loss: $loss, delay: 20ms}
  toward client: delay 20ms
  client-2: {toward server: {loss: 20%}}
schedule: [{at: 2s, down: true}, {at: 7s, up: true}]
rules: [{drop: {flags: SYN, toward: server, nth: 1-3}}]
seed: 7
backend: userspace
route: {rto-min: 10ms, quickack: on, congestion: $cc}
capture: true
by: measurements
measure:
  - udp: {count: 20}
  - together:
      - bulk: {as: reno, congestion: reno, client: client-2}
      - bulk: {as: chosen, congestion: $cc, sizes: [1, 2], start: 1s}
expect:
  - name: UDP
    share: udp.lost of udp.sent
    is: loss
    keep: udp.toward_server
    when: loss > 0
    confidence: 99%
  - that: udp.unexplained = 0
overall:
  - order: p99("5%, cubic".udp.rtt_ms) > p50(first.udp.rtt_ms)
figures:
  - lines: {x: loss, y: [{share: udp.received of udp.sent}]}
    title: What arrives
"""


def _read(text: str) -> Scenario:
    return read(text, "my.yaml", "my", KINDS)


def _settings(text: str) -> list[Impairment]:
    scenario = _read(f"title: t\n{text}\nmeasure: [{{udp: }}]\n")
    return [each.impairments[None][SERVER] for each in scenario.settings]


def test_every_field() -> None:
    scenario = _read(EVERYTHING)
    assert (scenario.name, scenario.source, scenario.text) == ("my", "my.yaml", EVERYTHING)
    assert scenario.title == "All that a file can have"
    assert scenario.claim == "It is read, every field of it."
    assert scenario.servers == {"tcp": "tcp_threaded"}
    assert (scenario.clients, scenario.by, scenario.backend) == (2, "measurements", "userspace")
    assert scenario.capture is True
    assert scenario.varied == {"loss": ["0%", "5%"], "cc": ["reno", "cubic"]}
    assert [each.case.name for each in scenario.settings] == [
        "0%, reno", "0%, cubic", "5%, reno", "5%, cubic",
    ]  # fmt: skip

    setting = scenario.settings[3]
    assert setting.case == Case(
        "5%, cubic", {"loss": "5%", "cc": "cubic"}, {"loss": 0.05, "cc": "cubic"}
    )
    assert setting.impairments == {
        None: {SERVER: Impairment.parse("loss 5% delay 20ms"), CLIENT: Impairment(delay_ms=20)},
        "client-2": {SERVER: Impairment(loss=0.2)},
    }
    assert setting.schedule == Schedule.from_texts(["2s down", "7s up"])
    rule = {
        "action": "drop", "protocol": "tcp", "direction": "server", "flags": ["SYN"],
        "nth": [[1, 3]], "line": 15,
    }  # fmt: skip
    assert setting.script == Script(7, (rule,))
    assert setting.route == ("rto_min", "10ms", "quickack", "1", "congctl", "cubic")
    assert setting.groups == (
        (Measure("udp", "udp", {"count": 20, "interval": 1.0, "client": "client-1"}),),
        (
            Measure("bulk", "reno", {"congestion": "reno", "sizes": (1,), "client": "client-2"}),
            Measure(
                "bulk", "chosen",
                {"congestion": "cubic", "sizes": (1, 2), "client": "client-1"}, 1000.0,
            ),
        ),
    )  # fmt: skip


def test_every_expectation() -> None:
    share, that, order = _read(EVERYTHING).expectations
    assert (share.name, share.kind, share.keep) == ("UDP", "share", "udp.toward_server")
    assert share.statement == "udp.lost of udp.sent is loss"
    assert [part.text for part in share.parts] == ["udp.lost", "udp.sent"]
    assert (share.confidence, share.overall) == (0.99, False)
    assert share.expected is not None
    assert share.expected.text == "loss"
    assert share.when is not None
    assert share.when.holds({"loss": 0.05})
    assert (that.name, that.statement, that.confidence) == (
        "udp.unexplained = 0", "udp.unexplained = 0", 0.999,
    )  # fmt: skip
    assert (order.kind, order.overall) == ("order", True)
    assert [part.text for part in order.parts] == [
        "p50(first.udp.rtt_ms)", 'p99("5%, cubic".udp.rtt_ms)',
    ]  # fmt: skip


def test_the_least() -> None:
    scenario = _read("title: t\nmeasure:\n  - udp:\n")
    (setting,) = scenario.settings
    assert setting.case == Case()
    assert setting.impairments == {None: {SERVER: Impairment(), CLIENT: Impairment()}}
    assert (setting.schedule, setting.script, setting.route) == (None, Script(), ())
    assert [each.name for group in setting.groups for each in group] == ["udp"]
    assert (scenario.expectations, scenario.figures, scenario.varied) == ([], [], {})
    assert (scenario.claim, scenario.servers, scenario.clients) == ("", {}, 1)
    assert (scenario.by, scenario.backend, scenario.capture) == ("points", "auto", False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("impair: {loss: 5%}", ["loss 5%"]),
        ("impair: loss 5% delay 1ms", ["loss 5% delay 1ms"]),
        ("impair: none", ["none"]),
        ("impair: {toward client: {loss: 5%}}", ["none"]),
        ("impair: {client-1: loss 5%}", ["none"]),
        ("vary: {loss: 5%}\nimpair: {loss: $loss}", ["loss 5%"]),
        ("vary: {d: [1ms, 2ms]}\nimpair: loss 5% delay $d", ["loss 5% delay 1ms",
                                                              "loss 5% delay 2ms"]),
        (
            "cases:\n  independent: {model: loss 5%}\n  in bursts: {model: gemodel 1% 19%}\n"
            "impair: {toward server: $model}",
            ["loss 5%", "gemodel 1% 19%"],
        ),
        ("impair: {toward client: &a {loss: 5%}, toward server: *a}", ["loss 5%"]),
    ],
)  # fmt: skip
def test_impairments(text: str, expected: list[str]) -> None:
    assert list(map(str, _settings(text))) == expected


def test_cases_have_their_names() -> None:
    scenario = _read(
        "title: t\ncases:\n  independent: {loss: 5%, n: 3}\n  in bursts: {loss: 1%, n: 4}\n"
        "impair: {loss: $loss}\nmeasure: [{udp: {count: $n}}]\n"
        "overall: [{that: in bursts.udp.lost > independent.udp.lost}]\n"
    )
    assert [each.case.name for each in scenario.settings] == ["independent", "in bursts"]
    assert [each.case.values["n"] for each in scenario.settings] == [3, 4]
    assert [each.groups[0][0].options["count"] for each in scenario.settings] == [3, 4]


def test_a_variable_may_be_for_the_expectations_alone() -> None:
    scenario = _read(
        "title: t\ncases:\n  a: {model: loss 5%, mean: 5%}\n"
        "  b: {model: gemodel 1% 19%, mean: 5%}\nimpair: $model\nmeasure: [{udp: }]\n"
        "expect: [{share: udp.lost of udp.sent, is: mean}]\n"
    )
    assert scenario.varied["mean"] == ["5%"]


def test_as_many_points_as_allowed() -> None:
    values = ", ".join(f"{number}us" for number in range(1, 201))
    text = f"vary: {{d: [{values}]}}\nimpair: {{delay: $d}}"
    assert [each.delay_ms for each in _settings(text)][-1] == 0.2


def test_what_does_not_vary_is_read_once() -> None:
    one, other = _read(
        "title: t\nvary: {n: [1, 2]}\nrules: [{drop: {nth: 1}}]\nmeasure: [{udp: {count: $n}}]\n"
    ).settings
    assert one.script.rules is other.script.rules


@pytest.mark.parametrize("path", sorted(CATALOGUE.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_catalogue_is_read(path: Path) -> None:
    scenario = read(path.read_text(encoding="utf-8"), path.name, path.stem, REAL)
    assert scenario.claim
    assert scenario.expectations


def test_the_main_experiment() -> None:
    path = CATALOGUE / "loss.yaml"
    scenario = read(path.read_text(encoding="utf-8"), path.name, "loss", REAL)
    assert scenario.by == "measurements"  # all of UDP before TCP
    assert scenario.varied == {"loss": ["0%", "1%", "5%", "10%", "20%", "30%"]}
    for setting in scenario.settings:
        ratio = float(setting.case.values["loss"])
        assert setting.impairments == {None: dict.fromkeys(Direction, Impairment(loss=ratio))}
        assert setting.route == ("rto_min", "10ms", "quickack", "1")
        (udp,), (tcp,) = setting.groups
        expected = {"count": 2000, "size": 64, "interval": 0.25, "timeout": 500.0}
        assert expected.items() <= udp.options.items()
        expected = {"count": 2000, "size": 64, "streams": 100, "timeout": 120_000.0}
        assert expected.items() <= tcp.options.items()
    assert {each.confidence for each in scenario.expectations} == {0.999}


def test_the_main_experiment_keeps_its_figures() -> None:
    path = CATALOGUE / "loss.yaml"
    scenario = read(path.read_text(encoding="utf-8"), path.name, "loss", REAL)
    assert intervals(scenario) == 15  # three shares at the five points with loss
    each = run_confidence(0.999, 15)
    udp = {
        "sent": 2000, "server_received": 1790, "server_sent": 1790, "received": 1620, "late": 3,
        "unexplained": 0, "corrupted": 0,
    }  # fmt: skip
    tcp = {"sent": 2000, "received": 2000, "corrupted": 0}
    point = kept(scenario, {"case": "10%", "loss": 0.1, "udp": udp, "tcp": tcp})

    def figures(lost: int, sent: int, expected: float) -> dict[str, object]:
        low, high = exact_interval(lost, sent, each)
        return {
            "loss_ratio": lost / sent,
            "expected": pytest.approx(expected),
            "interval": list(exact_interval(lost, sent, 0.999)),
            "held": low <= expected <= high,
        }

    assert point["udp"] == {
        **udp,
        **figures(380, 2000, 0.19),
        "toward_server": {"sent": 2000, "lost": 210, **figures(210, 2000, 0.1)},
        "toward_client": {"sent": 1790, "lost": 167, **figures(167, 1790, 0.1)},
    }
    judged = judge(scenario, [point])
    assert [each.held for each in judged] == [True] * 5
    assert [each.name for each in judged] == [
        "UDP toward server", "UDP toward client", "UDP, there and back", "Ledger", "TCP",
    ]  # fmt: skip
