"""Schedules: texts and files that mean the same, what is in force when, and what is refused."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import BadInput
from lab.impairment import Direction, Impairment
from lab.schedule import Schedule, State, Step
from lab.units import MAX_DURATION_MS, MIN_DURATION_MS

SERVER, CLIENT = Direction.TOWARD_SERVER, Direction.TOWARD_CLIENT
LOSS, SLOW, CLEAR = Impairment(loss=0.1), Impairment(rate_bps=1_000_000), Impairment()
DOWN = Impairment(loss=1)

# The same step for --at, in a file, and as a value.
STEPS: list[tuple[str, str, Step]] = [
    ("5s loss 10%", "{at: 5s, loss: 10%}", Step(5000, LOSS)),
    (
        "5s toward server loss 10%",
        "{at: 5s, toward: server, loss: 10%}",
        Step(5000, LOSS, (SERVER,)),
    ),
    (
        "5s toward client down",
        "{at: 5s, toward: client, down: true}",
        Step(5000, "down", (CLIENT,)),
    ),
    ("5s down", "{down: true, at: 5000ms}", Step(5000, "down")),
    ("0ms clear", "{at: 0s, clear: true}", Step(0, CLEAR)),
    ("0ms clear", "{at: 0s, toward: both, loss: 0%}", Step(0, CLEAR)),
    (
        "1.5s gemodel 1% 10% delay 40ms jitter 5ms",
        "{at: 1.5s, delay: 40ms, jitter: 5ms, gemodel: 1% 10%}",
        Step(1500, Impairment.parse("gemodel 1% 10% delay 40ms jitter 5ms")),
    ),
]  # fmt: skip

BAD_TEXTS: list[tuple[list[str], str]] = [
    ([""], "--at: '' is no step; write a time and what happens, as 5s loss 10% or 5s down"),
    (["5s"], "--at: '5s' is no step; write a time and what happens"),
    (["5 loss 10%"], "--at: '5' has no unit; write 40ms (us, ms, s)"),
    (["loss 10%"], "--at: 'loss' is no duration; write 40ms"),
    (["2h loss 10%"], "--at: '2h' is no duration"),
    (["-1s down"], "--at: '-1s' is out of range; allowed 0ms to 3600s"),
    (["5s toward"], "--at.toward: '' is none of these; allowed both, server, client"),
    (["5s toward me down"], "--at.toward: 'me' is none of these; allowed both, server, client"),
    (["5s toward server"], "--at: '5s toward server' does not say what happens; add a knob or one"),
    (["5s downn"], "--at: 'downn' is no knob; allowed loss"),
    (["5s down loss 10%"], "--at: 'loss' comes after down; leave it out"),
    (["5s loss 10"], "--at.loss: '10' has no unit; write 10%"),
    (["5s jitter 5ms"], "--at.jitter: '5ms' makes no sense without delay"),
    (["5s up"], "--at: '5s up' is up already toward server; put down before"),
    (["5s down", "4s up"], "--at: '4s up' is up already toward server"),
    (["5s down", "6s down"], "--at: '6s down' is toward server, which is down since 5s; put up be"),
    (["5s down", "6s loss 10%"], "--at: '6s loss 10%' is toward server, which is down since 5s"),
    (["5s down", "6s clear"], "--at: '6s clear' is toward server, which is down since 5s"),
    (["5s toward client down", "6s up"], "--at: '6s up' is up already toward server"),
]

BAD_FILES: list[tuple[str, str]] = [
    ("", "1: '' is an empty file; write a list, one '- …' a line"),
    ("at: 5s", "1: 'at: 5s' is a mapping; write a list, one '- …' a line"),
    ("- 5s down", "1: '5s down' is one value; write {at: …}, allowed at, toward, down, up"),
    ("- {loss: 10%}", "1: '{loss: 10%}' does not say when; add at, as at: 5s"),
    ("- {at: 5s}", "1: '{at: 5s}' does not say what happens; add a knob or one of down, up, clear"),
    ("- {at: 5s, toward: server}", "1: '{at: 5s, toward: server}' does not say what happens"),
    ("- at: 5s\n  loss: 10", "2: loss: '10' has no unit; write 10%"),
    ("- at: 5s\n  los: 10%", "2: 'los' is unknown, perhaps loss; allowed at, toward, down, "),
    ("- at: 5s\n  loss: 10%\n  loss: 20%", "3: 'loss' is given twice, first in line 2"),
    ("- at: 5\n  loss: 10%", "1: at: '5' has no unit; write 40ms (us, ms, s)"),
    ("- at: [5s]\n  loss: 10%", "1: at: '[5s]' is a list; write one value"),
    ("- at: 5s\n  toward: me\n  loss: 10%", "2: toward: 'me' is none of these; allowed both, ser"),
    ("- at: 5s\n  loss: [10%]", "2: loss: '[10%]' is a list; write one value"),
    ("- at: 5s\n  loss:", "2: loss: '' is no percentage; write 10%"),
    ("- at: 5s\n  down: yes", "2: down: 'yes' is none of these; allowed true"),
    ("- at: 5s\n  down: false", "2: down: 'false' is none of these; allowed true"),
    ("- at: 5s\n  down: true\n  up: true", "3: up: 'true' does not go with down; choose one"),
    ("- at: 5s\n  loss: 1%\n  down: true", "2: loss: '1%' does not go with down; choose one"),
    ("- at: 5s\n  jitter: 5ms", "2: jitter: '5ms' makes no sense without delay; add it"),
    ("- at: 5s\n  delay: 1ms\n  jitter: 5ms", "3: jitter: '5ms' is more than the delay; allowed"),
    ("- at: 5s\n  delay: 1ns", "2: delay: '1ns' is no duration"),
    ("- at: 5s\n  delay: 0.1us", "2: delay: '0.1us' is too small"),
    ("- at: 5s\n  loss: 1%\n  gemodel: 1%", "3: gemodel: '1%' does not go with loss"),
    ("- at: 5s\n  gemodel: 1% 0%", "2: gemodel r: '0%' never leaves the bad state"),
    ("- {at: 5s, down: true}\n- {at: 8s, loss: 1%}", "2: '8s loss 1%' is toward server, which is"),
    ("- {at: 8s, up: true}\n- {at: 9s, down: true}", "1: '8s up' is up already toward server"),
    ("- {at: 5s, down: true\n", "1: '- {at: 5s, down: true' has no closing }; add it"),
    ("- {at: 5s, clear: true}\n" * 10_001, "10001: '{at: 5s, clear: true}' is one step too many"),
]  # fmt: skip

# What is in force before, the steps, and what is in force at each time (in s).
IN_FORCE: list[tuple[State, list[str], list[tuple[float, Impairment, Impairment]]]] = [
    ({}, [], []),
    ({}, ["5s loss 10%"], [(5, LOSS, LOSS)]),
    ({SERVER: SLOW}, ["5s toward client loss 10%"], [(5, SLOW, LOSS)]),
    ({SERVER: SLOW, CLIENT: LOSS}, ["5s clear"], [(5, CLEAR, CLEAR)]),
    # The rate stays in a partition, and is in force again after it.
    (
        {SERVER: SLOW},
        ["5s down", "8s up"],
        [(5, Impairment(loss=1, rate_bps=1_000_000), DOWN), (8, SLOW, CLEAR)],
    ),
    (
        {},
        ["8s toward server up", "5s down", "1s loss 10%", "9s toward client up"],
        [(1, LOSS, LOSS), (5, DOWN, DOWN), (8, LOSS, DOWN), (9, LOSS, LOSS)],
    ),
    # Of one time, the later step holds.
    (
        {},
        ["5s loss 10%", "5s toward client rate 1mbit", "5s toward server down"],
        [(5, DOWN, SLOW)],
    ),
    (
        {SERVER: Impairment.parse("gemodel 1% 10%"), CLIENT: Impairment.parse("loss 1%")},
        ["1s down", "2s up", "3s down"],
        [
            (1, DOWN, DOWN),
            (2, Impairment.parse("gemodel 1% 10%"), Impairment.parse("loss 1%")),
            (3, DOWN, DOWN),
        ],
    ),
    (
        {CLIENT: Impairment.parse("loss 1% loss-correlation 25%")},
        ["1s down"],
        [(1, DOWN, DOWN)],
    ),
]


@pytest.mark.parametrize(("text", "yaml", "step"), STEPS)
def test_text_and_file_mean_the_same(text: str, yaml: str, step: Step) -> None:
    assert Step.parse(text) == step
    assert str(step) == text
    assert Schedule.from_yaml(f"- {yaml}\n", "my.yaml").steps == (step,)
    assert Schedule.from_texts([text]).steps == (step,)


def test_up_in_both_forms() -> None:
    file = "- {at: 8s, up: true}\n- {at: 5s, down: true}\n"
    assert Schedule.from_yaml(file, "my.yaml") == Schedule.from_texts(["5s down", "8s up"])


@pytest.mark.parametrize(("texts", "line"), BAD_TEXTS)
def test_a_bad_text_is_refused(texts: Sequence[str], line: str) -> None:
    with pytest.raises(BadInput) as caught:
        Schedule.from_texts(texts)
    assert str(caught.value).startswith(line)


@pytest.mark.parametrize(("text", "line"), BAD_FILES)
def test_a_bad_file_is_refused(text: str, line: str) -> None:
    with pytest.raises(BadInput) as caught:
        Schedule.from_yaml(text, "my.yaml")
    assert str(caught.value).startswith(f"my.yaml:{line}")


@pytest.mark.parametrize(("start", "texts", "expected"), IN_FORCE)
def test_what_is_in_force(
    start: State, texts: Sequence[str], expected: list[tuple[float, Impairment, Impairment]]
) -> None:
    states = Schedule.from_texts(texts).states(start)
    assert [(at_ms / 1000, now[SERVER], now[CLIENT]) for at_ms, now in states] == expected


steps = st.builds(
    Step,
    st.just(0.0) | st.floats(MIN_DURATION_MS, MAX_DURATION_MS),
    st.sampled_from(["down", "up", "clear"]) | st.from_type(Impairment),
    st.sampled_from([(SERVER,), (CLIENT,), (SERVER, CLIENT)]),
)


def test_a_step_cannot_be_built_wrong() -> None:
    with pytest.raises(BadInput, match=r"^step: 'sideways' is none of these; allowed down, up, cl"):
        Step(5000, "sideways")
    with pytest.raises(BadInput, match=r"^at_ms: '-1' is out of range; allowed 0 to 3600000"):
        Step(-1, "down")


@given(steps)
def test_a_step_reads_back(step: Step) -> None:
    assert Step.parse(str(step)) == step


@given(st.lists(steps, max_size=6))
def test_a_schedule_is_refused_or_in_order(given_steps: list[Step]) -> None:
    try:
        schedule = Schedule(tuple(given_steps))
    except BadInput:
        return
    times = [at_ms for at_ms, _ in schedule.states({})]
    assert times == sorted({step.at_ms for step in given_steps})


@given(st.text() | st.text(alphabet=" -:{}[],\nat5sdownlup%1", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (lambda: Schedule.from_yaml(text, "my.yaml"), lambda: Step.parse(text)):
        try:
            read()
        except BadInput as error:
            assert str(error).isprintable()
