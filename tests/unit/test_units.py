"""Units: what is read, what is refused in which words, and that both ways are inverse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import units
from lab.errors import BadInput

SHARES = [
    ("0%", 0.0),
    ("0.1%", 0.001),
    ("7%", 0.07),
    ("10%", 0.1),
    ("12.5%", 0.125),
    ("29%", 0.29),
    ("99.99%", 0.9999),
    ("100%", 1.0),
]
DURATIONS = [
    ("0ms", 0.0),
    ("1us", 0.001),
    ("250us", 0.25),
    ("1ms", 1.0),
    ("40ms", 40.0),
    ("1s", 1000.0),
    ("1.5s", 1500.0),
    ("3600s", 3_600_000.0),
]
RATES = [
    ("8kbit", 8_000),
    ("64kbit", 64_000),
    ("1mbit", 1_000_000),
    ("1.5mbit", 1_500_000),
    ("9.876536mbit", 9_876_536),
    ("10gbit", 10_000_000_000),
    ("100gbit", 100_000_000_000),
]
REFUSED_SHARES = [
    ("10", "'10' has no unit; write 10%"),
    ("0", "'0' has no unit; write 0%"),
    ("0.1", "'0.1' has no unit; write 0.1% or 10%"),
    ("1", "'1' has no unit; write 1% or 100%"),
    ("200", "'200' has no unit; write 10%"),
    ("10 percent", "'10 percent' is no percentage; write 10%"),
    ("25 %", "'25 %' is no percentage; write 25%"),
    ("", "'' is no percentage; write 10%"),
    ("%", "'%' is no percentage; write 10%"),
    ("nan%", "'nan%' is no percentage; write 10%"),
    ("inf%", "'inf%' is no percentage; write 10%"),
    ("1e2%", "'1e2%' is no percentage; write 10%"),
    ("1_0%", "'1_0%' is no percentage; write 10%"),
    ("10,5%", "'10,5%' is no percentage; write 10.5%"),
    ("٣%", "'٣%' is no percentage; write 10%"),
    ("10%%", "'10%%' is no percentage; write 10%"),
    ("10%\n", r"'10%\n' is no percentage; write 10%"),
    ("\x1b[2J", r"'\x1b[2J' is no percentage; write 10%"),
    ("-1%", "'-1%' is out of range; allowed 0% to 100%"),
    ("101%", "'101%' is out of range; allowed 0% to 100%"),
    ("100.0000001%", "'100.0000001%' is out of range; allowed 0% to 100%"),
]
REFUSED_DURATIONS = [
    ("40", "'40' has no unit; write 40ms (us, ms, s)"),
    ("40 ms", "'40 ms' is no duration; write 40ms (us, ms, s)"),
    ("5min", "'5min' is no duration; write 40ms (us, ms, s)"),
    ("", "'' is no duration; write 40ms (us, ms, s)"),
    ("1e3ms", "'1e3ms' is no duration; write 40ms (us, ms, s)"),
    ("-1ms", "'-1ms' is out of range; allowed 0ms to 3600s"),
    ("3601s", "'3601s' is out of range; allowed 0ms to 3600s"),
]
REFUSED_RATES = [
    ("1000000", "'1000000' has no unit; write 1mbit (bit, kbit, mbit, gbit)"),
    ("fast", "'fast' is no rate; write 1mbit (bit, kbit, mbit, gbit)"),
    ("1tbit", "'1tbit' is no rate; write 1mbit (bit, kbit, mbit, gbit)"),
    ("1mibit", "'1mibit' is no rate; write 1mbit (bit, kbit, mbit, gbit)"),
    ("1mbps", "'1mbps' may mean bytes; write bits, 1mbit (bit, kbit, mbit, gbit)"),
    ("1MB", "'1MB' may mean bytes; write bits, 1mbit (bit, kbit, mbit, gbit)"),
    ("1kbit", "'1kbit' is out of range; allowed 8kbit to 100gbit"),
    ("-1mbit", "'-1mbit' is out of range; allowed 8kbit to 100gbit"),
    ("101gbit", "'101gbit' is out of range; allowed 8kbit to 100gbit"),
    ("8001bit", "'8001bit' is no whole number of bytes a second; write 8000bit"),
    ("8.0005kbit", "'8.0005kbit' is no whole number of bytes a second; write 8000bit"),
]


@pytest.mark.parametrize(("text", "ratio"), SHARES)
def test_share_both_ways(text: str, ratio: float) -> None:
    assert units.parse_share(text, "--loss") == ratio
    assert units.format_share(ratio) == text


@pytest.mark.parametrize(("text", "ms"), DURATIONS)
def test_duration_both_ways(text: str, ms: float) -> None:
    assert units.parse_duration(text, "--delay") == ms
    assert units.format_duration(ms) == text


@pytest.mark.parametrize(("text", "bps"), RATES)
def test_rate_both_ways(text: str, bps: int) -> None:
    assert units.parse_rate(text, "--rate") == bps
    assert units.format_rate(bps) == text


@pytest.mark.parametrize(("text", "line"), REFUSED_SHARES)
def test_share_refused(text: str, line: str) -> None:
    with pytest.raises(BadInput) as caught:
        units.parse_share(text, "--loss")
    assert str(caught.value) == f"--loss: {line}"


@pytest.mark.parametrize(("text", "line"), REFUSED_DURATIONS)
def test_duration_refused(text: str, line: str) -> None:
    with pytest.raises(BadInput) as caught:
        units.parse_duration(text, "--delay")
    assert str(caught.value) == f"--delay: {line}"


@pytest.mark.parametrize(("text", "line"), REFUSED_RATES)
def test_rate_refused(text: str, line: str) -> None:
    with pytest.raises(BadInput) as caught:
        units.parse_rate(text, "--rate")
    assert str(caught.value) == f"--rate: {line}"


def test_what_tc_accepts_in_other_words() -> None:
    assert units.parse_rate("1Mbit", "--rate") == 1_000_000
    assert units.parse_duration("40MS", "--delay") == 40
    assert units.parse_duration("0.25ms", "--delay") == 0.25
    assert units.parse_share("10.0%", "--loss") == 0.1


def test_bounds_of_the_caller() -> None:
    with pytest.raises(BadInput, match=r"^--timeout: '0ms' is out of range; allowed 1ms to 60s$"):
        units.parse_duration("0ms", "--timeout", low_ms=1, high_ms=60_000)


@given(st.text())
def test_a_refusal_is_one_line_and_short(text: str) -> None:
    for parse in (units.parse_share, units.parse_duration, units.parse_rate):
        try:
            parse(text * 50, "--x")
        except BadInput as error:
            line = str(error)
            assert line.isprintable()
            assert len(line) < 700  # 48 characters, each at most 10 as an escape


@pytest.mark.parametrize("parse", [units.parse_share, units.parse_duration, units.parse_rate])
def test_long_input_is_cut(parse: object) -> None:
    assert callable(parse)
    with pytest.raises(BadInput) as caught:
        parse("9" * 100_000, "--x")
    assert len(str(caught.value)) < 150
    assert "9…'" in str(caught.value)


@given(st.floats(0, 1))
def test_share_round_trip(ratio: float) -> None:
    assert units.parse_share(units.format_share(ratio), "") == ratio


@given(st.integers(0, 10**10), st.integers(0, 8))
def test_share_text_round_trip(digits: int, places: int) -> None:
    whole = f"{digits:0{places + 1}d}"
    text = f"{whole[:-places]}.{whole[-places:]}".rstrip("0").rstrip(".") if places else whole
    if float(text) <= 100:
        assert units.format_share(units.parse_share(f"{text}%", "")) == f"{text}%"


@given(st.floats(0, units.MAX_DURATION_MS))
def test_duration_round_trip(ms: float) -> None:
    assert units.parse_duration(units.format_duration(ms), "") == ms


@given(st.integers(units.MIN_RATE_BPS // 8, units.MAX_RATE_BPS // 8))
def test_rate_round_trip(bytes_a_second: int) -> None:
    bps = 8 * bytes_a_second
    assert units.parse_rate(units.format_rate(bps), "") == bps


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_no_share_to_write(value: float) -> None:
    with pytest.raises(ValueError, match="share"):
        units.format_share(value)


def test_nothing_to_write() -> None:
    with pytest.raises(ValueError, match="duration"):
        units.format_duration(float("nan"))
    with pytest.raises(ValueError, match="duration"):
        units.format_duration(-1)
    with pytest.raises(ValueError, match="rate"):
        units.format_rate(0)
