"""Packet rules: what they compile to, and that every mistake is told with its line."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import rules
from lab.errors import BadInput

# One rule, and its JSON but for the line.
GOOD: list[tuple[str, dict[str, Any]]] = [
    (
        "drop: {protocol: tcp, flags: SYN, nth: 1}",
        {"action": "drop", "protocol": "tcp", "flags": ["SYN"], "nth": [[1, 1]]},
    ),
    (
        "drop: {protocol: tcp, flags: SYN, toward: server, nth: 1-2}",
        {
            "action": "drop",
            "protocol": "tcp",
            "flags": ["SYN"],
            "direction": "server",
            "nth": [[1, 2]],
        },
    ),
    (
        "drop: {protocol: tcp, toward: server, length: 1-, nth: 3}",
        {
            "action": "drop",
            "protocol": "tcp",
            "direction": "server",
            "length": [1, None],
            "nth": [[3, 3]],
        },
    ),
    (
        "drop: {protocol: tcp, toward: server, flags: ACK, length: 0, for: 2s}",
        {
            "action": "drop",
            "protocol": "tcp",
            "direction": "server",
            "flags": ["ACK"],
            "length": [0, 0],
            "for_ms": 2000.0,
        },
    ),
    (
        "drop: {protocol: udp, nth: [3, 7]}",
        {"action": "drop", "protocol": "udp", "nth": [[3, 3], [7, 7]]},
    ),
    (
        "drop: {protocol: udp, nth: [7-9, 3]}",
        {"action": "drop", "protocol": "udp", "nth": [[3, 3], [7, 9]]},
    ),
    (
        "delay: {protocol: udp, every: 5, by: 20ms}",
        {"action": "delay", "protocol": "udp", "every": 5, "by_ms": 20.0},
    ),
    (
        "duplicate: {toward: client, flags: SYN ACK, nth: 1}",
        {
            "action": "duplicate",
            "protocol": "tcp",
            "direction": "client",
            "flags": ["SYN", "ACK"],
            "nth": [[1, 1]],
        },
    ),
    (
        "duplicate: {flags: [ack, fin]}",
        {"action": "duplicate", "protocol": "tcp", "flags": ["ACK", "FIN"]},
    ),
    (
        "drop: {flags: FIN, nth: 1}",
        {"action": "drop", "protocol": "tcp", "flags": ["ACK", "FIN"], "nth": [[1, 1]]},
    ),
    (
        "drop: {client: client-3, port: 7, length: 10-20}",
        {"action": "drop", "client": "client-3", "port": 7, "length": [10, 20]},
    ),
    ("drop: {protocol: icmp}", {"action": "drop", "protocol": "icmp"}),
    (
        "delay: {by: 1ms, for: 1s, every: 2}",
        {"action": "delay", "by_ms": 1.0, "for_ms": 1000.0, "every": 2},
    ),
    ("drop: {nth: 010}", {"action": "drop", "nth": [[10, 10]]}),  # YAML 1.1 reads 8
    ("drop: {}", {"action": "drop"}),
]

# In a list of one rule, after `- `, so in line 1; each with what the complaint says.
BAD: list[tuple[str, str]] = [
    ("drop", "1: 'drop' is one value; write {drop: …}, allowed drop, delay, duplicate"),
    ("[drop]", "1: '[drop]' is a list; write {drop: …}"),
    ("{}", "1: '{}' is no rule; write one action a rule, allowed drop, delay, duplicate"),
    ("lose: {nth: 1}", "1: 'lose' is unknown; allowed drop, delay, duplicate"),
    ("[a]: {nth: 1}", "1: '[a]' is unknown; allowed drop, delay, duplicate"),
    ("{drop: {}, delay: {by: 1s}}", "1: '{drop: {}, delay: {by: 1s}}' is no rule; write one act"),
    ("{drop: {}, drop: {}}", "1: 'drop' is given twice, first in line 1"),
    ("drop:", "1: drop: '' is nothing; write {protocol: …}, allowed protocol, toward, client"),
    ("drop: SYN", "1: drop: 'SYN' is one value; write {protocol: …}"),
    ("drop: [SYN]", "1: drop: '[SYN]' is a list; write {protocol: …}"),
    (
        "drop: {flag: SYN}",
        "1: drop: 'flag' is unknown, perhaps flags; allowed protocol, toward, c",
    ),
    ("drop: {nth: 1, nth: 2}", "1: drop: 'nth' is given twice, first in line 1"),
    ("drop: {<<: {nth: 1}}", "1: drop: '<<' is unknown"),
    ("drop: {protocol: sctp}", "1: drop.protocol: 'sctp' is none of these; allowed tcp, udp, icmp"),
    ("drop: {protocol: TCP}", "1: drop.protocol: 'TCP' is none of these; allowed tcp, udp, icmp"),
    ("drop: {protocol: }", "1: drop.protocol: '' is none of these; allowed tcp, udp, icmp"),
    ("drop: {protocol: [tcp]}", "1: drop.protocol: '[tcp]' is a list; write one value"),
    ("drop: {protocol: {a: b}}", "1: drop.protocol: '{a: b}' is a mapping; write one value"),
    ("drop: {toward: both}", "1: drop.toward: 'both' is none of these; allowed server, client"),
    ("drop: {client: '-3'}", "1: drop.client: '-3' is no client; write its name, as client-3"),
    ("drop: {client: a b}", "1: drop.client: 'a b' is no client; write its name, as client-3"),
    ("drop: {port: 0}", "1: drop.port: '0' is out of range; allowed 1 to 65535"),
    ("drop: {port: 65536}", "1: drop.port: '65536' is out of range; allowed 1 to 65535"),
    ("drop: {port: echo}", "1: drop.port: 'echo' is no whole number; allowed 1 to 65535"),
    ("drop: {port: 0x7}", "1: drop.port: '0x7' is no whole number; allowed 1 to 65535"),
    ("drop: {protocol: icmp, port: 7}", "1: drop.port: '7' does not go with protocol icmp; allowe"),
    (
        "drop: {flags: SYM}",
        "1: drop.flags: 'SYM' is none of these; allowed SYN, ACK, FIN, RST",
    ),
    ("drop: {flags: PSH}", "1: drop.flags: 'PSH' is none of these; allowed SYN, ACK, FIN, RST"),
    ("drop: {flags: }", "1: drop.flags: '' is no set of flags; write for example SYN ACK, allowed"),
    ("drop: {flags: SYN SYN}", "1: drop.flags: 'SYN SYN' is no set of flags; write for example"),
    ("drop: {flags: []}", "1: drop.flags: '[]' is an empty list"),
    ("drop: {flags: {SYN: 1}}", "1: drop.flags: '{SYN: 1}' is a mapping; write one value"),
    ("drop: {flags: SYN, protocol: udp}", "1: drop.flags: 'SYN' does not go with protocol udp; al"),
    (
        "drop: {length: -1}",
        "1: drop.length: '-1' is no number and no range; write for example 3 or 1-2",
    ),
    ("drop: {length: 5-2}", "1: drop.length: '5-2' runs backwards; write 2-5"),
    (
        "drop: {length: 1-2-3}",
        "1: drop.length: '1-2-3' is no number and no range; write for example 3 or",
    ),
    ("drop: {length: 65536}", "1: drop.length: '65536' is out of range; allowed 0 to 65535"),
    ("drop: {length: 9, protocol: icmp}", "1: drop.length: '9' does not go with protocol icmp; al"),
    ("drop: {nth: 0}", "1: drop.nth: '0' is out of range; allowed 1 to 1000000000"),
    (
        "drop: {nth: first}",
        "1: drop.nth: 'first' is no number and no range; write for example 3 or 1-2, all",
    ),
    ("drop: {nth: 3-}", "1: drop.nth: '3-' has no end; write for example 1-2, or leave nth out"),
    ("drop: {nth: 3.5}", "1: drop.nth: '3.5' is no number and no range"),
    ("drop: {nth: [3, 3]}", "1: drop.nth: '[3, 3]' names packet 3 twice"),
    ("drop: {nth: [1-4, 2]}", "1: drop.nth: '[1-4, 2]' names packet 2 twice"),
    ("drop: {nth: [[1]]}", "1: drop.nth: '[1]' is a list; write one value"),
    ("drop: {every: 1}", "1: drop.every: '1' is out of range; allowed 2 to 1000000000"),
    ("drop: {nth: 1, every: 2}", "1: drop.every: '2' does not go with nth; choose one"),
    ("drop: {nth: 1, for: 2s}", "1: drop.for: '2s' does not go with nth; choose one"),
    ("drop: {for: 2}", "1: drop.for: '2' has no unit; write 40ms (us, ms, s)"),
    ("drop: {for: 0s}", "1: drop.for: '0s' is out of range; allowed 1us to 3600s"),
    ("drop: {for: 1:30}", "1: drop.for: '1:30' is no duration; write 40ms (us, ms, s)"),
    ("drop: {by: 20ms}", "1: drop.by: '20ms' does not go with drop; allowed with delay"),
    ("delay: {nth: 1}", "1: delay: '{nth: 1}' does not say for how long; add by, as by: 20ms"),
    ("delay: {by: 20}", "1: delay.by: '20' has no unit; write 40ms (us, ms, s)"),
    ("delay: {by: 2h}", "1: delay.by: '2h' is no duration; write 40ms (us, ms, s)"),
]

# Whole files.
BAD_FILES: list[tuple[str, str]] = [
    ("", "1: '' is an empty file; write a list, one '- …' a line"),
    ("# nothing yet\n", "1: '' is an empty file; write a list"),
    ("drop: {nth: 1}", "1: 'drop: {nth: 1}' is a mapping; write a list, one '- …' a line"),
    ("[]", "1: '[]' is an empty list; write at least one '- …'"),
    ("- drop: {nth: 1\n- drop: {}\n", "1: '- drop: {nth: 1' has no closing }, or no comma at"),
    ("- drop: {nth: 1}\n  delay: x: y\n", "2: 'delay: x: y' has a second colon; put the value in"),
    ("- drop:\n\tnth: 1\n", "2: 'nth: 1' is indented by a tab; write spaces"),
    ("- drop: {}\n---\n- drop: {}\n", "2: '---' is no YAML: but found another document"),
    ("- drop: *x\n", "1: '- drop: *x' is no YAML: found undefined alias 'x'"),
    ("- drop: {}\n- drop: \x07\n", "2: '\\\\x07' is no character for a text file; write UTF-8"),
    ("- drop: {}\n-\n  drop:\n    nth: 0\n", "4: drop.nth: '0' is out of range"),
    ("- drop:\n    port: 7\n\n    port: 8\n", "4: drop: 'port' is given twice, first in line 2"),
    ("- drop: &a {nth: 0}\n- drop: *a\n", "1: drop.nth: '0' is out of range"),
    ("[" * 100_000, "is nested too deep"),
    ("#" * 300_001, "'300001 characters' is too long; allowed 300000"),
    ('- "\\UFFFFFFFF"', "is no YAML: an escape in it stands for no character"),
    ("- drop: {}\n" * 1001, "1001: 'drop: {}' is one rule too many; allowed 1000"),
]


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_compiled(text: str, expected: dict[str, Any]) -> None:
    (rule,) = rules.parse(f"# first line\n- {text}\n", "my.yaml")
    wire = json.loads(json.dumps(rule.wire()))
    assert wire == {**expected, "line": 2}


@pytest.mark.parametrize(("text", "line"), BAD)
def test_a_bad_rule_is_refused(text: str, line: str) -> None:
    with pytest.raises(BadInput) as caught:
        rules.parse(f"- {text}\n", "my.yaml")
    assert str(caught.value).startswith(f"my.yaml:{line}")


@pytest.mark.parametrize(("text", "line"), BAD_FILES)
def test_a_bad_file_is_refused(text: str, line: str) -> None:
    with pytest.raises(BadInput) as caught:
        rules.parse(text, "my.yaml")
    said = str(caught.value)
    assert said.startswith("my.yaml:")
    assert line in said
    assert said.isprintable()
    assert len(said) < 400


def test_the_lines_of_many() -> None:
    text = "- drop: {nth: 1}\n\n# a comment\n- delay:\n    by: 1s\n- {drop: {nth: 2}}\n"
    assert [rule.line for rule in rules.parse(text, "my.yaml")] == [1, 4, 6]


@given(st.text() | st.text(alphabet=" -:{}[],&*!|>'\"%@`#\ndropnth17", max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        rules.parse(text, "my.yaml")
    except BadInput as error:
        assert str(error).startswith("my.yaml")
        assert str(error).isprintable()
