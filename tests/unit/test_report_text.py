"""The report as numbers: CSV that reads back, tables that fit, and how a number is worded."""

import csv
import io
from typing import Any

import pytest
from rich.console import Console

from lab import wording
from lab.report.flat import csv_text
from lab.report.table import ledger_table, loss_table, loss_tables

Result = dict[str, Any]


def rows_of(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_text(result))))


def leaves(value: Any) -> list[float]:
    """Every number of a point, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, list) else [value]


def test_csv_reads_back(passed: Result) -> None:
    rows = rows_of(passed)
    assert len(rows) == len(passed["points"])
    for row, point in zip(rows, passed["points"], strict=True):
        udp, tcp = point["udp"], point["tcp"]
        assert float(row["loss"]) == point["loss"]
        assert int(row["udp_sent"]) == udp["sent"]
        assert float(row["udp_loss_ratio"]) == udp["loss_ratio"]
        assert [float(row[f"udp_interval_{end}"]) for end in ("low", "high")] == udp["interval"]
        way = udp["toward_server"]
        assert float(row["udp_toward_server_loss_ratio"]) == way["loss_ratio"]
        assert float(row["udp_toward_server_interval_high"]) == way["interval"][1]
        assert int(row["tcp_retransmissions"]) == tcp["retransmissions"]
        assert int(row["tcp_retransmissions_toward_server"]) == tcp["retransmissions_toward_server"]
        assert float(row["tcp_rtt_ms_p50"]) == tcp["rtt_ms"]["p50"]
        assert [float(cell) for cell in row.values()] == leaves(point)


def test_csv_of_half_a_run(interrupted: Result) -> None:
    rows = rows_of(interrupted)
    assert "tcp" not in rows[0]
    assert rows[3]["tcp_sent"] == ""
    assert rows[3]["tcp_rtt_ms_p99"] == ""
    assert int(rows[3]["udp_sent"]) == 2000
    interrupted["points"][0]["udp"]["rtt_ms"] = None
    assert rows_of(interrupted)[0]["udp_rtt_ms_p50"] == ""
    interrupted["points"] = []
    assert rows_of(interrupted) == []


def shown(result: Result) -> str:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(loss_table(result), ledger_table(result))
    return console.export_text().replace(wording.SPACE, " ")


def test_tables_fit_into_100_columns(any_run: Result) -> None:
    text = shown(any_run)
    assert "…" not in text
    for head in ("delivered", "expected", "interval", "ledger", "median", "p99", "Unexplained"):
        assert head in text
    assert text.count("\n") == 2 * (len(any_run["points"]) + 5)


def test_on_a_narrow_terminal_there_is_a_table_for_each_protocol(any_run: Result) -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(*loss_tables(any_run, 80))
    text = console.export_text()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    for head in ("expected", "ledger", "median", "took", "Unexplained"):
        assert text.count(head) == 1
    assert len(loss_tables(any_run, 100)) == 2


def test_tables_say_what_broke(passed: Result, failed: Result) -> None:
    assert "OPEN" not in shown(passed)
    text = shown(failed)
    assert text.count("OPEN") == 1
    assert "1 988/2 000" in text


def test_tables_of_half_a_run(interrupted: Result) -> None:
    row = next(line for line in shown(interrupted).splitlines() if line.startswith("     10 %"))
    assert row.split()[-5:] == [wording.NOTHING] * 5


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.0, "0.0 %"),
        (1.0, "100.0 %"),
        (0.4921, "49.2 %"),
        (0.9995, "99.95 %"),
        (0.9999, "99.99 %"),
        (0.0004, "0.04 %"),
        (None, wording.NOTHING),
    ],
)
def test_percent(ratio: float | None, text: str) -> None:
    assert wording.percent(ratio).replace(wording.SPACE, " ") == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, wording.NOTHING),
        (0, "0 ms"),
        (0.08, "0.080 ms"),
        (4.166, "4.17 ms"),
        (41.66, "41.7 ms"),
        (410.04, "410 ms"),
        (1650.4, "1 650 ms"),
        (13_120, "13.1 s"),
    ],
)
def test_millis(ms: float | None, text: str) -> None:
    assert wording.millis(ms).replace(wording.SPACE, " ") == text


def test_words_for_the_rest() -> None:
    assert wording.exact_percent(0.05).replace(wording.SPACE, " ") == "5 %"
    assert wording.exact_percent(0.999).replace(wording.SPACE, " ") == "99.9 %"
    assert wording.exact_seconds(0.5).replace(wording.SPACE, " ") == "0.5 s"
    assert wording.moment("2026-11-24T14:50:01+00:00") == "24 November 2026, 14:50 UTC"
    assert wording.moment("then") == "then"
    assert wording.times(1, "drop") == "1 drop"
    assert wording.times(0, "drop") == "0 drops"
    assert wording.join(["a"]) == "a"
    assert wording.join(["a", "b", "c"]) == "a, b and c"
