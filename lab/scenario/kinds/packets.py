"""`udp`: numbered datagrams at a set rate, each accounted for."""

from collections.abc import Mapping, Sequence
from typing import Any

from lab import measure, parsing, sequence
from lab.engine import Engine
from lab.nodes import Lab
from lab.scenario.kind import CLIENT, Kind, Measured, Option

MOST = 100_000
"""Datagrams of one measurement: the server keeps when each of 131 072 arrived (lab.node.tally)."""
TIMEOUT_MS = 500.0

Column = list[Any]


def udp(engine: Engine, lab: Lab, options: Mapping[str, Any], *, alone: bool = True) -> Measured:
    """Measure by `lab.measure.udp`; see its report.

    Added: `lost_in_a_row` (`lab.sequence.loss_runs`) and `reordering` (`lab.sequence.reordering`)
    of each direction and of the round trip, `ipdv_ms` by direction. Series: number, sent_s, rtt_ms
    (None: lost, which includes late), toward_server_ms and toward_client_ms (None: not arrived).
    """
    report = measure.udp(
        engine, lab, count=options["count"], size=options["size"],
        interval_ms=options["interval"], timeout_ms=options["timeout"],
        client=options["client"], checksum=options["checksum"], details=True, alone=alone,
    )  # fmt: skip
    samples, arrivals = report.pop("samples"), report.pop("arrivals")
    series = columns(samples, arrivals, options["timeout"])
    begun = {"begun_ns": samples[0][1] if samples else None}
    return Measured(report | behaviour(series, arrivals) | begun, series)


def columns(
    samples: Sequence[tuple[int, int, int | None]],
    arrivals: Sequence[tuple[int, int]],
    timeout_ms: float,
) -> dict[str, Column]:
    """A row for each datagram sent. Times in ns come in; the first arrival of each counts."""
    at_server = dict(reversed(arrivals))
    found: dict[str, Column] = {
        name: [] for name in ("number", "sent_s", "rtt_ms", "toward_server_ms", "toward_client_ms")
    }
    for number, sent_ns, back_ns in samples:
        there_ns = at_server.get(number)
        rtt_ms = None if back_ns is None else (back_ns - sent_ns) / 1e6
        found["number"].append(number)
        found["sent_s"].append((sent_ns - samples[0][1]) / 1e9)
        found["rtt_ms"].append(None if rtt_ms is None or rtt_ms > timeout_ms else rtt_ms)
        found["toward_server_ms"].append(None if there_ns is None else (there_ns - sent_ns) / 1e6)
        found["toward_client_ms"].append(
            None if there_ns is None or back_ns is None else (back_ns - there_ns) / 1e6
        )
    return found


def behaviour(series: Mapping[str, Column], arrivals: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """Losses in a row, order and delay variation, by direction and there and back.

    What did not arrive at the server can't be lost on the way back: there it is left out.
    """
    delays = {
        "toward_server": series["toward_server_ms"],
        "toward_client": [
            back
            for there, back in zip(
                series["toward_server_ms"], series["toward_client_ms"], strict=True
            )
            if there is not None
        ],
        "round_trip": series["rtt_ms"],
    }
    back = sorted(
        (sent_s + rtt_ms / 1000, number)
        for number, sent_s, rtt_ms in zip(
            series["number"], series["sent_s"], series["rtt_ms"], strict=True
        )
        if rtt_ms is not None
    )
    orders = {
        "toward_server": list(dict.fromkeys(number for number, _ in arrivals)),
        "round_trip": [number for _, number in back],
    }
    columns_of = (("toward_server", "toward_server_ms"), ("toward_client", "toward_client_ms"))
    return {
        "lost_in_a_row": {
            way: sequence.loss_runs(delay is None for delay in column)
            for way, column in delays.items()
        },
        "reordering": {way: sequence.reordering(order) for way, order in orders.items()},
        "ipdv_one_way_ms": {
            way: sequence.ipdv(
                {
                    number: delay
                    for number, delay in zip(series["number"], series[column], strict=True)
                    if delay is not None
                }
            )
            for way, column in columns_of
        },
    }


UDP = Kind(
    "udp",
    {
        "count": Option(parsing.number(1, MOST), 2000, "datagrams"),
        "size": Option(parsing.number(20, 65_507), 64, "bytes of payload"),
        "interval": Option(parsing.duration(0.01, 60_000), 1.0, "between two datagrams"),
        "timeout": Option(parsing.duration(1, 60_000), TIMEOUT_MS, "later is lost"),
        "checksum": Option(parsing.switch, True, "whether datagrams are sent with one"),
        "client": CLIENT,
    },
    udp,
    "numbered datagrams at a set rate: loss, delay, order, and where each was lost",
)
