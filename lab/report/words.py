"""What a loss run shows, in sentences made of its figures: a number here is a number measured."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab import wording
from lab.scenario import checks
from lab.wording import count, exact_percent, millis, percent, seconds, span, times

LEDGER = (
    ("Sent", "sent"),
    ("Dropped toward server", "dropped_toward_server"),
    ("Server received", "server_received"),
    ("Dropped toward client", "dropped_toward_client"),
    ("Received", "received"),
    ("Buffer drops", "buffer_drops"),
    ("Unexplained", "unexplained"),
)
"""The way of the datagrams through the lab, a head and the key of its count."""

Points = Sequence[Mapping[str, Any]]


def findings(result: Mapping[str, Any]) -> list[str]:
    """Paragraphs: the point of most loss, the ledger, the price in time, the confidence."""
    points: Points = result["points"]
    if not points:
        return ["Nothing was measured."]
    return [
        " ".join(sentences)
        for sentences in (
            list(_at_most_loss(points, result["confidence"])),
            list(_ledger([point["udp"] for point in points if point.get("udp")])),
            list(_price([point for point in points if point.get("tcp")])),
            list(_confidence(result)),
        )
        if sentences
    ]


def verdict(result: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    """The verdict as (`pass` or `fail`, its headline, where it failed)."""
    measured = len([point for point in result["points"] if point.get("udp") and point.get("tcp")])
    points = times(measured, "loss point")
    failures = [str(failure) for failure in result.get("failures", [])]
    if result["verdict"] == "pass" and not result.get("interrupted"):
        return "pass", f"Pass: every expectation held at {points}.", failures
    if result.get("interrupted"):
        head = f"Interrupted: {points} measured in full; what follows is what there is."
        return "fail", head, failures
    return "fail", f"Fail, in {times(len(failures), 'place')}:" if failures else "Fail.", failures


def _at_most_loss(points: Points, confidence: float) -> Iterator[str]:
    # The point that shows most is the last that both protocols went through.
    both = [point for point in points if point.get("udp") and point.get("tcp")]
    point = (both or list(points))[-1]
    udp, tcp = point.get("udp"), point.get("tcp")
    where = f"At {exact_percent(point['loss'])} loss each way,"
    if udp:
        low, high = udp["interval"]
        inside = "" if low <= udp["expected"] <= high else "outside "
        yield (
            f"{where} UDP delivered {percent(1 - udp['loss_ratio'])} of"
            f" {times(udp['sent'], 'message')} (expected {percent(1 - udp['expected'])};"
            f" {inside}exact {exact_percent(confidence)} interval {span(1 - high, 1 - low)})."
        )
    if tcp:
        right = "every byte right, " if not tcp.get("corrupted") else ""
        yield (
            f"{'' if udp else where + ' '}TCP delivered {wording.of(tcp['received'], tcp['sent'])},"
            f" {right}with {times(tcp['retransmissions'], 'retransmission')}, and took"
            f" {seconds(tcp['duration_s'])}{_instead(points, point)}."
        )
        if tcp.get("corrupted"):
            yield f"{times(tcp['corrupted'], 'message')} came back with wrong bytes."


def _instead(points: Points, point: Mapping[str, Any]) -> str:
    """What TCP took where nothing was dropped, if that was measured."""
    clear = [other for other in points if other["loss"] == 0 and other.get("tcp")]
    if not clear or point["loss"] == 0:
        return ""
    return f" instead of the {seconds(clear[0]['tcp']['duration_s'])} that it took without loss"


def _ledger(udps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not udps:
        return
    total = {
        key: sum(udp.get(key, 0) for udp in udps)
        for key in (
            "sent", "received", "dropped_toward_server", "dropped_toward_client",
            "buffer_drops", "unexplained", "late", "duplicated",
        )
    }  # fmt: skip
    drops = [
        f"{count(total['dropped_toward_server'])} toward the server",
        f"{count(total['dropped_toward_client'])} toward the client",
    ]
    if total["buffer_drops"]:
        drops.append(f"{count(total['buffer_drops'])} in full socket buffers")
    yield (
        f"Of the {times(total['sent'], 'datagram')} of the whole run {count(total['received'])}"
        f" came back as echoes; counters saw the drop of {wording.join(drops)}."
    )
    if total["unexplained"]:
        yield f"The ledger does not close: no counter explains {count(total['unexplained'])} more."
    else:
        yield "The ledger closes: no datagram is unexplained."
    odd = [f"{count(total[key])} {key}" for key in ("late", "duplicated") if total[key]]
    if odd:
        yield f"Besides, {wording.join(odd)}."


def _price(points: Points) -> Iterator[str]:
    """What reliability costs: message times of TCP at the least and at the most loss."""
    timed = [point for point in points if (point["tcp"].get("rtt_ms") or {}).get("p99")]
    if len(timed) < 2:
        return
    first, last = timed[0], timed[-1]
    least, most = first["tcp"]["rtt_ms"], last["tcp"]["rtt_ms"]
    yield (
        "As to time: from"
        f" {exact_percent(first['loss'])} to {exact_percent(last['loss'])} loss TCP's median"
        f" went from {millis(least['p50'])} to {millis(most['p50'])}, the slowest in a hundred"
        f" (p99) from {millis(least['p99'])} to {millis(most['p99'])}."
    )
    udp = [(point.get("udp") or {}).get("rtt_ms") or {} for point in (first, last)]
    if udp[0].get("p50") and udp[1].get("p50"):
        yield (
            f"The median of the UDP messages that came back was {millis(udp[0]['p50'])} and"
            f" {millis(udp[1]['p50'])}: they wait for none that is lost."
            " Compare each protocol with itself, from loss to loss: TCP's messages are handed over"
            " all at once and stand in line, also where nothing is lost; UDP's leave one by one."
            " TCP's clock is set faster here than Linux has it (a segment is repeated after 10 ms"
            " at the soonest, not 200 ms), so that nobody waits for minutes."
        )


def _confidence(result: Mapping[str, Any]) -> Iterator[str]:
    found = [check for point in result["points"] for check in checks.checks(point).values()]
    losses = [check for check in found if check.name not in (checks.LEDGER, checks.TCP)]
    yield (
        f"Each interval is exact (Clopper-Pearson): it holds the true ratio with at least"
        f" {exact_percent(result['confidence'])} confidence."
    )
    whole = result.get("run_confidence")
    if whole and whole < 1:
        yield (
            f"The verdict is held to {exact_percent(whole)} for the run as a whole: chance alone"
            f" fails a sound lab at most once in {count(round(1 / (1 - whole)))} runs."
        )
    outside = [check for check in losses if not check.held]
    if outside and result["verdict"] == "pass":
        yield (
            f"{count(len(outside))} of the {count(len(losses))} intervals misses what was expected,"
            " which so many intervals may do by chance; the run's own, wider bounds hold."
        )
