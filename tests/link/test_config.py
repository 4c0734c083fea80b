import json
import math
from typing import Any

import pytest

from lab.node.link.config import Config, Impairment, Refused, Rule, parse

# The format that the host side writes, every key of it. A change here is a change there.
WHOLE: dict[str, Any] = {
    "servers": ["172.18.0.4", "172.18.0.5"],
    "seed": 7,
    "impairments": {
        "server": {
            "loss": 0.1,
            "loss_correlation": 0.25,
            "delay_ms": 40,
            "jitter_ms": 5.5,
            "delay_correlation": 0.25,
            "distribution": "paretonormal",
            "order_free": True,
            "reorder": 0.25,
            "reorder_correlation": 0.5,
            "reorder_gap": 5,
            "duplicate": 0.01,
            "duplicate_correlation": 0.1,
            "corrupt": 0.001,
            "corrupt_correlation": 0.1,
            "rate_bps": 1_000_000,
            "limit": 500,
        },
        "client": {"gemodel": [0.01, 0.25, 1, 0]},
    },
    "clients": {"172.18.0.3": {"server": {"loss": 1}, "client": {}}},
    "rules": [
        {
            "action": "drop",
            "protocol": "tcp",
            "direction": "server",
            "client": "172.18.0.3",
            "port": 7,
            "flags": ["SYN"],
            "length": [0, None],
            "nth": [[1, 2], [5, None]],
            "every": 3,
            "for_ms": 2000,
            "by_ms": 0,
            "line": 3,
        }
    ],
    "log": True,
    "note": {"client-1": "172.18.0.3"},
}


def test_the_whole_format() -> None:
    config = parse(json.loads(json.dumps(WHOLE)))
    assert config.servers == ("172.18.0.4", "172.18.0.5")
    assert (config.seed, config.log) == (7, True)
    given = WHOLE["impairments"]["server"]
    assert config.impairments["server"] == Impairment(**given)
    # Each knob of ours stands in the format but gemodel, which excludes loss.
    assert set(given) | {"gemodel"} == set(Impairment.__dataclass_fields__)
    assert config.impairments["client"].gemodel == (0.01, 0.25, 1, 0)
    assert config.clients["172.18.0.3"]["server"].loss == 1
    assert config.rules[0] == Rule(
        action="drop",
        protocol="tcp",
        direction="server",
        client="172.18.0.3",
        port=7,
        flags=("SYN",),
        length=(0, math.inf),
        nth=((1, 2), (5, math.inf)),
        every=3,
        for_ms=2000,
        by_ms=0,
        line=3,
    )
    assert config.note == {"client-1": "172.18.0.3"}
    assert set(WHOLE) == set(Config.__dataclass_fields__)
    assert set(WHOLE["rules"][0]) == set(Rule.__dataclass_fields__)


def test_what_is_long_is_cut() -> None:
    with pytest.raises(Refused) as refused:
        parse({"servers": "x" * 10_000})
    assert str(refused.value) == f"servers: '{'x' * 119}… is not a list of addresses"


def test_nothing_given_is_nothing_done() -> None:
    assert parse({}) == Config()


def test_null_is_as_good_as_nothing_in_a_rule() -> None:
    rule = {"action": "drop", **dict.fromkeys(("protocol", "client", "flags", "nth", "every"))}
    assert parse({"rules": [rule]}).rules == (Rule(action="drop"),)


IMPAIRMENT = [
    ({"loss": 1.5}, "loss: 1.5 is not a ratio, 0 to 1"),
    ({"loss": -0.1}, "loss: -0.1 is not a ratio, 0 to 1"),
    ({"loss": True}, "loss: True is not a ratio, 0 to 1"),
    ({"loss": "10%"}, "loss: '10%' is not a ratio, 0 to 1"),
    ({"corrupt": math.nan}, "corrupt: nan is not a ratio, 0 to 1"),
    ({"delay_ms": -1}, "delay_ms: -1 is not a number of milliseconds, 0 to 3600000"),
    ({"jitter_ms": 1e9}, "jitter_ms: 1000000000.0 is not a number of milliseconds, 0 to 3600000"),
    ({"distribution": "poisson"},
     "distribution: 'poisson' is not one of uniform, normal, pareto, paretonormal"),
    ({"order_free": 1}, "order_free: 1 is not true or false"),
    ({"rate_bps": 0}, "rate_bps: 0 is not a whole number of bits a second, 1 to 1000000000000"),
    ({"rate_bps": 1e6}, "rate_bps: 1000000.0 is not a whole number of bits a second, 1 to "),
    ({"rate_bps": 10**400}, "rate_bps: 1000"),
    ({"limit": 0}, "limit: 0 is not a whole number from 1 on"),
    ({"reorder_gap": -1}, "reorder_gap: -1 is not a whole number from 0 on"),
    ({"gemodel": [0.1]}, "gemodel: [0.1] is not four ratios [p, r, 1-h, 1-k]"),
    ({"gemodel": [0.1, 2, 1, 0]}, "gemodel[1]: 2 is not a ratio, 0 to 1"),
    ({"gemodel": [0, 1, 1, 0], "loss": 0.1},
     "gemodel: [0, 1, 1, 0] is not possible together with loss"),
]  # fmt: skip
RULE = [
    ({"action": "lose"}, "action: 'lose' is not one of drop, delay, duplicate"),
    ({}, "action: None is not one of drop, delay, duplicate"),
    ({"action": "drop", "protocol": "sctp"}, "protocol: 'sctp' is not one of icmp, tcp, udp"),
    ({"action": "drop", "port": 0}, "port: 0 is not a port, 1 to 65535"),
    ({"action": "drop", "flags": ["PSH"]}, "flags[0]: 'PSH' is not one of FIN, SYN, RST, ACK"),
    ({"action": "drop", "flags": "SYN"}, "flags: 'SYN' is not a list of FIN, SYN, RST, ACK"),
    ({"action": "drop", "client": "client-1"}, "client: 'client-1' is not an IPv4 address"),
    ({"action": "drop", "every": 0}, "every: 0 is not a whole number from 1 on"),
    ({"action": "drop", "nth": [3]}, "nth[0]: 3 is not [first, last], whole numbers from 1 on "
     "in rising order, last may be null"),
    ({"action": "drop", "nth": [[0, 1]]}, "nth[0]: [0, 1] is not [first, last], whole numbers "
     "from 1 on in rising order, last may be null"),
    ({"action": "drop", "length": [5, 4]}, "length: [5, 4] is not [first, last], whole numbers "
     "from 0 on in rising order, last may be null"),
    ({"action": "delay", "by_ms": "5ms"},
     "by_ms: '5ms' is not a number of milliseconds, 0 to 3600000"),
]  # fmt: skip
OTHER: list[tuple[Any, str]] = [
    ([], "config: [] is not an object"),
    (None, "config: None is not an object"),
    ({"sever": []}, "config: 'sever' is not one of servers, seed, impairments, clients, "),
    ({"servers": "10.0.0.1"}, "servers: '10.0.0.1' is not a list of addresses"),
    ({"servers": ["tcp-server"]}, "servers[0]: 'tcp-server' is not an IPv4 address"),
    ({"servers": [7]}, "servers[0]: 7 is not an IPv4 address"),
    ({"seed": 1.5}, "seed: 1.5 is not a whole number or null"),
    ({"log": "yes"}, "log: 'yes' is not true or false"),
    ({"clients": []}, "clients: [] is not an object of client addresses"),
    ({"clients": {"c": {}}}, "clients: 'c' is not an IPv4 address"),
    ({"clients": {"10.0.0.1": {"up": {}}}}, "clients.10.0.0.1: 'up' is not one of server, client"),
    ({"impairments": {"server": {"los": 1}}}, "impairments.server: 'los' is not one of loss, "),
    ({"rules": {}}, "rules: {} is not a list of rules"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("got", "said"),
    [
        *(
            ({"impairments": {"client": one}}, f"impairments.client.{text}")
            for one, text in IMPAIRMENT
        ),
        *(({"rules": [{"action": "drop"}, one]}, f"rules[1].{text}") for one, text in RULE),
        *OTHER,
    ],
)
def test_what_is_wrong_is_said(got: Any, said: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(got)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)
