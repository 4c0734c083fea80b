"""One measurement through a lab, with everything that happened to each packet accounted for.

Joins what four parties say, none of which knows the others: the probe in the client, the tally
of the server, tc's counters on wan, and the kernel's counters in each node.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lab.engine import Engine
from lab.errors import LabError
from lab.impairment import Direction
from lab.ledger import Way, packets
from lab.link import Counters, Link, LinkState
from lab.nodes import Lab, Node
from lab.stats import percentile

Report = dict[str, Any]

SERVER, CLIENT = Direction.TOWARD_SERVER, Direction.TOWARD_CLIENT


def udp(
    engine: Engine,
    lab: Lab,
    *,
    count: int,
    size: int,
    interval_ms: float,
    timeout_ms: float,
    client: str = "client-1",
    checksum: bool = True,
    details: bool = False,
    alone: bool = True,
) -> Report:
    """Send `count` datagrams of `size` bytes and account for each; the probe's report and more.

    Added to the probe's own keys: `server_received`, `server_sent`, `dropped_toward_server`,
    `dropped_toward_client` (packets, by wan's counters), `buffer_drops` (both ends' sockets),
    `unexplained` (what no counter explains), `one_way_ms` by direction; for `details` `samples`
    (number, sent and received in ns) and `arrivals` (number, ns at the server). With other
    traffic in the lab at the same time the sums are of both, and `unexplained` shows it; where that
    is known (not `alone`), all that only wan's and the nodes' counters could tell is None, and what
    the server received is what it noted of this probe.
    """
    node, server, link = lab.client(client), lab.node("udp-server"), Link(engine, lab)
    # wan counts only where the tree is laid; and what it still holds, after the last reply that
    # counts, has to come out before the books are closed.
    state, tally = link.laid(), engine.python(server, "tally")
    words = [
        "udp-server", "--count", str(count), "--size", str(size), "--samples",
        "--interval", str(interval_ms / 1000), "--timeout", str(timeout_ms / 1000),
        "--linger", str(state.longest_stay_s(node.name)),
        *([] if checksum else ["--no-checksum"]),
    ]  # fmt: skip
    report: Report = engine.python(node, "probe.udp", *words)
    state_after = link.state()
    after = engine.python(server, "tally", "--arrivals", str(report["run"]))
    samples = report.pop("samples")
    wan = {each: counted(each, state, state_after) for each in Direction}
    received = after["datagrams_received"] - tally["datagrams_received"]
    sent = after["datagrams_sent"] - tally["datagrams_sent"]
    full = after["kernel"]["Udp.RcvbufErrors"] - tally["kernel"]["Udp.RcvbufErrors"]
    # Every datagram that came back, in time or not, once or more often, was not dropped.
    back = report["received"] + report["late"] + report["duplicated"] + report["corrupted"]
    wrong = after["kernel"]["Udp.InCsumErrors"] - tally["kernel"]["Udp.InCsumErrors"]
    back += report["buffer_drops"] + report["kernel"]["Udp.InCsumErrors"]
    # Without a checksum a datagram with a flipped port finds nobody, and is answered by ICMP; where
    # it is the sender's port, that becomes of the reply.
    back += report["kernel"]["Udp.NoPorts"]
    unreachable = "Icmp.OutDestUnreachs"
    answered = after["kernel"][unreachable] - tally["kernel"][unreachable]
    ways = [
        Way(
            entered + icmp, wan[way].passed, wan[way].dropped, wan[way].queued, arrived + icmp,
            packets(size), *_tampered(way, wan[way], state, node.name),
        )
        for way, entered, arrived, icmp in (
            (SERVER, report["sent"], received + full + wrong, report["kernel"][unreachable]),
            (CLIENT, sent, back, answered),
        )
    ]  # fmt: skip
    told = {
        "server_received": received,
        "server_sent": sent,
        "dropped_toward_server": wan[SERVER].dropped,
        "dropped_toward_client": wan[CLIENT].dropped,
        "buffer_drops": report["buffer_drops"] + full,
        "unexplained": abs(received - sent) + sum(way.unexplained for way in ways),
        "checksum_errors_toward_server": wrong,
        "checksum_errors_toward_client": report["kernel"]["Udp.InCsumErrors"],
    }
    if not alone:
        told = dict.fromkeys(told) | {"server_received": len(after["arrivals"])}
    return {
        **report,
        **told,
        "alone": alone,
        "one_way_ms": _one_way(samples, after["arrivals"]),
        **({"samples": samples, "arrivals": after["arrivals"]} if details else {}),
    }


def _tampered(
    way: Direction, wan: Counters, state: LinkState, client: str
) -> tuple[int | None, int | None]:
    """Packets duplicated and corrupted; None where wan may have done it and does not count it."""
    asked = state.impairment(way, client)
    return (
        wan.duplicated if wan.duplicated is not None or asked.duplicate else 0,
        wan.corrupted if wan.corrupted is not None or asked.corrupt else 0,
    )


def quiet(engine: Engine, lab: Lab, seconds: float) -> str | None:
    """Wait until no TCP connection in the lab has anything left to say; None when that is so.

    After a run under loss a peer repeats its last words for a while, and wan would count them
    as part of the next measurement. Returns the name of a node that is not quiet in time.
    """
    nodes = (*lab.service("tcp-server"), *lab.service("client"))

    def is_quiet(node: Node, within_s: float = 0) -> bool:
        return bool(engine.python(node, "quiet", str(within_s))["quiet"])

    # Mostly all are, and all are asked at once. One that is waited for is waited for here, where
    # Ctrl-C ends it.
    with ThreadPoolExecutor(max_workers=8) as pool:
        quiet_now = list(pool.map(is_quiet, nodes))
    for node, already in zip(nodes, quiet_now, strict=True):
        if not already and not (seconds and is_quiet(node, seconds)):
            return node.name
    return None


def tcp(
    engine: Engine,
    lab: Lab,
    *,
    count: int,
    size: int,
    streams: int,
    timeout_ms: float,
    client: str = "client-1",
    details: bool = False,
    alone: bool = True,
) -> Report:
    """Send `count` messages of `size` bytes over `streams` connections, every byte checked.

    Added to the probe's own keys: `retransmissions` of both ends (their kernels'
    Tcp.RetransSegs, connecting included), each direction's share, what tc dropped meanwhile, and
    segments with a wrong checksum; for `details` `samples` (number, sent and received in ns). All
    of this is of the whole nodes: where the measurement is not `alone` it is None, and
    `retransmissions` is what the probe's own sockets repeated.
    """
    node, server, link = lab.client(client), lab.node("tcp-server"), Link(engine, lab)
    tally, state = engine.python(server, "tally"), link.laid()
    words = [
        "tcp-server", "--count", str(count), "--size", str(size),
        "--streams", str(streams), "--timeout", str(timeout_ms / 1000),
        *(["--samples"] if details else []),
    ]  # fmt: skip
    report: Report = engine.python(node, "probe.tcp", *words)
    after, state_after = engine.python(server, "tally"), link.state()
    grown = {
        name: after["kernel"][name] - tally["kernel"][name]
        for name in ("Tcp.RetransSegs", "Tcp.InCsumErrors")
    }
    kernel = report["kernel"]
    told = {
        "retransmissions": kernel["Tcp.RetransSegs"] + grown["Tcp.RetransSegs"],
        "retransmissions_toward_server": kernel["Tcp.RetransSegs"],
        "retransmissions_toward_client": grown["Tcp.RetransSegs"],
        "dropped_toward_server": counted(SERVER, state, state_after).dropped,
        "dropped_toward_client": counted(CLIENT, state, state_after).dropped,
        "checksum_errors_toward_server": grown["Tcp.InCsumErrors"],
        "checksum_errors_toward_client": kernel["Tcp.InCsumErrors"],
    }
    if not alone:
        told = dict.fromkeys(told) | {"retransmissions": report["retransmissions"]}
    return {**report, **told, "alone": alone}


def bulk(
    engine: Engine,
    lab: Lab,
    *,
    streams: int,
    warmup_s: float,
    window_s: float,
    congestion: str,
    send_buffer: int | None = None,
    stagger_s: float = 0.0,
    window: int | None = None,
    client: str = "client-1",
    details: bool = False,
    alone: bool = True,
) -> Report:
    """Send as fast as TCP lets each of some streams, and read the echo; the probe's report.

    congestion: names for the streams in turn, commas between them. stagger_s: from the start of one
    stream to that of the next. window: bytes under way at most, there and back.
    Added: `passed`, `lost` and `overflowed` toward the server, by wan's counters, from the first
    SYN to the last FIN; and `overflowed_toward_client`; None where it is not `alone`.
    """
    node, link = lab.client(client), Link(engine, lab)
    words = [
        "tcp-server", "--streams", str(streams), "--warmup", str(warmup_s),
        "--seconds", str(window_s), "--congestion", congestion, "--stagger", str(stagger_s),
        *([] if send_buffer is None else ["--send-buffer", str(send_buffer)]),
        *([] if window is None else ["--window", str(window)]),
        *(["--samples"] if details else []),
    ]  # fmt: skip
    before = link.laid()
    report: Report = engine.python(node, "probe.bulk", *words)
    after = link.state()
    toward_server = counted(SERVER, before, after)
    overrun = after.overrun - before.overrun  # dropped before wan knew of which direction
    told = {
        "passed": toward_server.passed,
        "lost": toward_server.lost,
        "overflowed": toward_server.overflowed + overrun,
        "overflowed_toward_client": counted(CLIENT, before, after).overflowed,
    }
    return {**report, **(told if alone else dict.fromkeys(told)), "alone": alone}


def counted(direction: Direction, before: LinkState, after: LinkState) -> Counters:
    """What wan counted meanwhile. Raises `LabError` where its books were begun anew."""
    try:
        found = after.counters[direction] - before.counters[direction]
    except KeyError:
        found = Counters(passed=-1)
    if min(found.passed, found.dropped) < 0:
        raise LabError(
            "wan: its counters began anew during the measurement (was wan or the link started "
            "again?); mend it: lab up, and measure again"
        )
    return found


def _one_way(
    samples: Sequence[tuple[int, int, int | None]], arrivals: Sequence[tuple[int, int]]
) -> Mapping[str, Mapping[str, float]]:
    """Delays of each direction (RFC 7679), by the one monotonic clock that all containers share."""
    arrived = dict(reversed(arrivals))  # a duplicate's first arrival
    toward_server, toward_client = [], []
    for number, sent_ns, received_ns in samples:
        if (at_server := arrived.get(number)) is None:
            continue
        toward_server.append((at_server - sent_ns) / 1e6)
        if received_ns is not None:
            toward_client.append((received_ns - at_server) / 1e6)
    return {
        "toward_server": _percentiles(toward_server),
        "toward_client": _percentiles(toward_client),
    }


def _percentiles(delays_ms: Sequence[float]) -> dict[str, float]:
    return {f"p{p}": percentile(delays_ms, p) for p in (50, 99)} if delays_ms else {}
