"""Sends known packets through a lab's link, and says whether they met what is in force.

An impairment that is read back as it was asked may still do nothing; this asks the packets.
Each direction by itself, on the one clock that all containers share.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lab import measure
from lab.engine import Engine
from lab.errors import LabError
from lab.impairment import Direction, Impairment
from lab.link import Link, LinkState
from lab.link.queue import JITTER_REACH, longest_stay_s
from lab.nodes import Lab
from lab.proof import PROBE_BITS, Check, Flood, Passage, checks

PACKETS = 3000
FEWEST = 200
LONGEST_S = 12.0
SHORTEST_MS = 1.0
FLOOD_SIZE = 1400
FLOOD_BITS = (FLOOD_SIZE + 28 + 14) * 8
FLOOD_S = 2.0
FASTEST_PER_S = 12_000
"""What the probe holds at this size for sure."""

Found = Mapping[Direction, Sequence[Check]]


def verify(
    engine: Engine, lab: Lab, client: str = "client-1", longest_s: float = LONGEST_S
) -> tuple[LinkState, Found]:
    """Measure, and compare with what is in force for this client; by direction.

    longest_s: for how long datagrams are sent at the most; fewer of them can tell less.

    Raises `LabError` where the measurement itself can't be trusted.
    """
    link = Link(engine, lab)
    state = link.laid()
    asked = {each: state.impairment(each, client) for each in Direction}
    seen = _passages(engine, lab, asked, client, longest_s)
    floods = _floods(engine, lab, asked, client)
    if link.state().lanes != state.lanes:
        raise LabError("somebody changed the impairment while it was verified; verify again")
    return state, {
        each: list(checks(asked[each], seen[each], floods.get(each))) for each in Direction
    }


def interval_ms(asked: Mapping[Direction, Impairment]) -> float:
    """So far apart that no packet waits for another: for a delay that is longer, or for a rate."""
    apart = SHORTEST_MS
    for each in asked.values():
        # Of two packets the first may take the longest time and the second the shortest.
        apart = max(apart, 2 * JITTER_REACH * each.jitter_ms)
        if each.rate_bps:
            apart = max(apart, 3 * PROBE_BITS / each.rate_bps * 1000)
    return apart


def _passages(
    engine: Engine,
    lab: Lab,
    asked: Mapping[Direction, Impairment],
    client: str,
    longest_s: float,
) -> dict[Direction, Passage]:
    apart = interval_ms(asked)
    count = max(min(PACKETS, int(longest_s * 1000 / apart)), FEWEST)
    report = measure.udp(
        engine, lab, count=count, size=64, interval_ms=apart, client=client,
        timeout_ms=_timeout_ms(asked), details=True,
    )  # fmt: skip
    arrivals: dict[int, list[int]] = {}
    for number, at in report["arrivals"]:
        arrivals.setdefault(number, []).append(at)
    sent = [(number, at) for number, at, _ in report["samples"]]
    server = Passage(
        lost=[number not in arrivals for number, _ in sent],
        copies=sum(len(each) - 1 for each in arrivals.values()),
        dropped=report["dropped_toward_server"],
        delays_ms=[(arrivals[n][0] - at) / 1e6 for n, at in sent if n in arrivals],
    )
    # Of a number that came twice two echoes went back; only what came once tells one loss.
    back = {number: at for number, _, at in report["samples"] if at is not None}
    once = [number for number, _ in sent if len(arrivals.get(number, ())) == 1]
    whole = len(once) == report["server_sent"]
    lost = [number not in back for number in once]
    toward_client = Passage(
        lost=lost,
        copies=report["duplicated"] if whole else 0,
        # wan's count is of all echoes, and these are some of them.
        dropped=round(report["dropped_toward_client"] * len(once) / max(report["server_sent"], 1)),
        delays_ms=[(back[n] - arrivals[n][0]) / 1e6 for n in once if n in back],
    )
    return {Direction.TOWARD_SERVER: server, Direction.TOWARD_CLIENT: toward_client}


def _timeout_ms(asked: Mapping[Direction, Impairment]) -> float:
    return 500.0 + sum(longest_stay_s(each) * 1000 for each in asked.values())


def _floods(
    engine: Engine, lab: Lab, asked: Mapping[Direction, Impairment], client: str
) -> dict[Direction, Flood]:
    """Send faster than the slower of the rates; what came at each end tells its own direction.

    A flood toward the client is what the link toward the server lets through: where that is the
    slower one, the other can't be shown to be the bound.
    """
    rates = {each: asked[each].rate_bps for each in Direction if asked[each].rate_bps}
    found: dict[Direction, Flood] = {}
    if not rates:
        return found
    fastest = max(rate for rate in rates.values() if rate)
    per_s = min(1.5 * fastest / FLOOD_BITS, FASTEST_PER_S)
    waits_s = max(longest_stay_s(asked[each]) for each in rates)
    count = max(int(per_s * (FLOOD_S + waits_s)), 50)
    report = measure.udp(
        engine, lab, count=count, size=FLOOD_SIZE, interval_ms=1000 / per_s, client=client,
        timeout_ms=_timeout_ms(asked), details=True,
    )  # fmt: skip
    sent = {number: at for number, at, _ in report["samples"]}
    at_server = sorted((at, number) for number, at in report["arrivals"])
    at_client = sorted((at, number) for number, _, at in report["samples"] if at is not None)
    offered = FLOOD_BITS * 1e9 * (len(sent) - 1) / (max(sent.values()) - min(sent.values()))
    first = dict(reversed([(number, at) for at, number in at_server]))
    for way, ends, begun in (
        (Direction.TOWARD_SERVER, at_server, sent),
        (Direction.TOWARD_CLIENT, at_client, first),
    ):
        if way not in rates or len(ends) < FEWEST // 10:
            continue
        times = [at for at, _ in ends]
        arrived = _steady_bps(times)
        waits = [(at - begun[number]) / 1e6 for at, number in ends if number in begun]
        found[way] = Flood(offered, arrived, max(waits, default=0.0))
        offered = arrived if way is Direction.TOWARD_SERVER else offered
    return found


def _steady_bps(times_ns: Sequence[int]) -> float:
    """Bits a second by the arrivals, less the first fifth: until the queue is not empty any more,
    and a bucket's burst is gone, a rate does not bound."""
    steady = times_ns[len(times_ns) // 5 :]
    spread = steady[-1] - steady[0]
    return FLOOD_BITS * 1e9 * (len(steady) - 1) / spread if spread else 0.0


def as_dict(found: Found) -> dict[str, Any]:
    """For JSON: `verified`, and each direction's checks."""
    return {
        "verified": all(check.held is not False for each in found.values() for check in each),
        "checks": {way.value: [check.as_dict() for check in each] for way, each in found.items()},
    }
