"""The kernel's own network emulator, tc-netem(8): every knob, where the kernel has it.

Each change names every knob, because the kernel keeps what is not named: rate, reorder, corrupt,
all correlations and the distribution (net/sched/sch_netem.c, `netem_change`). Three things that
tc's words hide:

- A correlation of `duplicate` is sent only along with another one (iproute2, tc/q_netem.c), so
  delay's is always said.
- The table of a distribution stays for good and can only be replaced, so a jitter always names
  one; `uniform` is a table of the node image, as tc has none.
- Jitter reorders, unless a rate is set: then a packet's delay counts from when the one before it
  leaves. So order is kept by a rate that cannot be felt, beyond what may be asked.

Newer kernels let no netem duplicate while another one is on the interface
(`check_netem_in_tree`), and ours are two: there another backend has to. A refused change is
half done, so it has to be known before.

A correlation is netem's own kind: each draw is mixed with the one before it (`get_crandom`), so
the draws crowd in the middle. A loss of 10 % with a correlation of 25 % loses 1.8 %, one of 1 %
none. Of a delay it leaves nothing below 2 s of jitter, where only the low bits of a draw count
(`tabledist`).

tc shows neither the distribution nor whether a limit was asked for: that is kept, as `label`
writes it, as the interface's alias (ip-link(8)).
"""

from collections.abc import Mapping
from typing import Any

from lab.errors import BadInput
from lab.gemodel import Gemodel
from lab.impairment import Impairment
from lab.knobs import KNOBS
from lab.link.backend import Backend
from lab.link.lane import Lane
from lab.link.queue import queue_packets
from lab.link.tree import Argv, Shown, class_of, leaf_of, minor_of, tc

_UNFELT_BPS = 1_000_000_000_000  # a full frame takes 12 ns
_MARK = "netlab"


def install(lane: Lane) -> list[Argv]:
    """A netem that impairs nothing yet. It stays, since taking it away would drop its queue."""
    return [_command("add", lane, Impairment())]


def change(lane: Lane, wanted: Impairment) -> list[Argv]:
    """Set all knobs in one step; packets in the queue stay in it."""
    return [_command("change", lane, wanted)]


def _command(action: str, lane: Lane, wanted: Impairment) -> Argv:
    place = ["parent", class_of(lane), "handle", leaf_of(lane)]
    return tc("qdisc", action, *place, *_words(wanted))


def _words(wanted: Impairment) -> list[str]:
    words = ["netem", "limit", str(_limit(wanted))]
    words += ["delay", _time(wanted.delay_ms), _time(wanted.jitter_ms)]
    words += [_share(wanted.delay_correlation)]
    if wanted.jitter_ms:
        words += ["distribution", wanted.distribution]
    if model := wanted.gemodel:
        shares = (model.p, model.r, model.loss_in_bad, model.loss_in_good)
        words += ["loss", "gemodel", *map(_share, shares)]
    else:
        words += ["loss", "random", _share(wanted.loss), _share(wanted.loss_correlation)]
    words += ["duplicate", _share(wanted.duplicate), _share(wanted.duplicate_correlation)]
    words += ["corrupt", _share(wanted.corrupt), _share(wanted.corrupt_correlation)]
    words += ["reorder", _share(wanted.reorder), _share(wanted.reorder_correlation)]
    if wanted.reorder:
        words += ["gap", str(wanted.reorder_gap)]
    return [*words, "rate", f"{_rate(wanted)}bit"]


def _limit(wanted: Impairment) -> int:
    if wanted.limit is not None:
        return wanted.limit
    return queue_packets(wanted.rate_bps, wanted.delay_ms, wanted.jitter_ms)


def _rate(wanted: Impairment) -> int:
    if wanted.rate_bps is not None:
        return wanted.rate_bps
    return _UNFELT_BPS if wanted.jitter_ms and not wanted.order_free else 0


def _share(ratio: float) -> str:
    return f"{ratio * 100:.10f}%"


def _time(ms: float) -> str:
    return f"{ms:.6f}ms"


def label(impairments: Mapping[Lane, Impairment]) -> str:
    """What tc does not show, as text: `netlab 1=normal 2=pareto,limit`; empty where it shows all.

    By the minor number of the lane's class: the distribution, and `limit` where that was
    asked for and not sized.
    """
    words = []
    for lane, impairment in impairments.items():
        said = [impairment.distribution, *(["limit"] if impairment.limit is not None else [])]
        if said != ["uniform"]:
            words.append(f"{minor_of(lane):x}={','.join(said)}")
    return " ".join([_MARK, *words]) if words else ""


def read(lane: Lane, shown: Shown) -> Impairment | None:
    """The impairment in force; None where this lane has no netem, or one that is not ours."""
    leaf = shown.qdiscs.get(leaf_of(lane), {})
    if leaf.get("kind") != "netem":
        return None
    options = leaf["options"]
    if options.keys() & {"loss-state", "slot"}:
        return None
    distribution, limited = _said(lane, shown.alias)
    try:
        knobs = _shown_knobs(options)
        # What is labelled counts only beside what it belongs to, should the label be an older one.
        if knobs["jitter_ms"]:
            knobs["distribution"] = distribution
        if limited and (knobs["delay_ms"] or knobs["rate_bps"]):
            knobs["limit"] = int(options["limit"])
        return Impairment(**knobs)
    except BadInput:  # somebody set by hand what we never would, such as a delay of 2 hours
        return None


def _said(lane: Lane, labelled: str) -> tuple[str, bool]:
    """The distribution, and whether a limit was asked for, from a label."""
    mark, *words = labelled.split() or [""]
    said = dict(word.partition("=")[::2] for word in words) if mark == _MARK else {}
    distribution, *rest = said.get(f"{minor_of(lane):x}", "uniform").split(",")
    return distribution, rest == ["limit"]


def _shown_knobs(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that tc shows, of the JSON object `options`."""
    delay = options.get("delay", {})
    loss = options.get("loss-random", {})
    model = options.get("loss-gemodel")
    rate_bps = int(options.get("rate", {}).get("rate", 0)) * 8
    jitter_ms = _ms(delay.get("jitter", 0))
    knobs = {
        "loss": _ratio(loss.get("loss", 0)),
        "loss_correlation": _ratio(loss.get("correlation", 0)),
        "gemodel": Gemodel(*(_ratio(model[name]) for name in ("p", "r", "1-h", "1-k")))
        if model
        else None,
        "delay_ms": _ms(delay.get("delay", 0)),
        "jitter_ms": jitter_ms,
        "delay_correlation": _ratio(delay.get("correlation", 0)),
        "order_free": bool(jitter_ms) and not rate_bps,
        # A gap without reorder is not shown as 1 but as 0.
        "reorder_gap": int(options.get("gap", 0)) or 1,
        "rate_bps": rate_bps if rate_bps not in (0, _UNFELT_BPS) else None,
    }
    for name in ("reorder", "duplicate", "corrupt"):
        shown = options.get(name, {})
        knobs[name] = _ratio(shown.get(name, 0))
        knobs[f"{name}_correlation"] = _ratio(shown.get("correlation", 0))
    return knobs


# tc prints ratios and seconds with six digits; what lies beyond is noise of the float.
def _ratio(shown: float) -> float:
    return round(float(shown), 9)


def _ms(shown: float) -> float:
    return round(float(shown) * 1000, 6)


def drops(lane: Lane, shown: Shown) -> tuple[int, int]:
    """Packets dropped by loss and by a full queue, since the leaf is there.

    netem counts both as one. Where it is to lose nothing, all of them found the queue full;
    where it is, they count as lost, and the queue is sized so that few are not.
    """
    dropped = int(shown.qdiscs[leaf_of(lane)]["drops"])
    asked = read(lane, shown) or Impairment()
    return (
        (0, dropped) if not asked.loss_ratio and (asked.rate_bps or asked.limit) else (dropped, 0)
    )


BACKEND = Backend(
    name="netem",
    needs=("netem",),
    knobs=frozenset(KNOBS),
    install=install,
    change=change,
    read=read,
    drops=drops,
    label=label,
    knob_needs=dict.fromkeys(("duplicate", "duplicate-correlation"), "netem-duplicate"),
)
