"""Names of measured values in a reader's words."""

import pytest

from lab.report.chosen import in_words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("udp.received 500, udp.sent 500", "UDP received = 500, UDP sent = 500"),
        ("one.capture.tcp.toward_server.syn_ack 1", "TCP SYN ACK toward server = 1"),
        ("overtaking.udp.reordered 380", "overtaking UDP reordered = 380"),
        ("tcp.rtt_ms.p50", "TCP RTT median"),
        ("p90(tcp.rtt_ms) 71.3 ms", "p90 of TCP RTT = 71.3 ms"),
        ("bulk.flows.0.goodput_bps", "bulk flows #1 goodput"),
        ("42.3 ms (38.5 ms to 45.7 ms)", "42.3 ms (38.5 ms to 45.7 ms)"),
        ("as stated, e.g. so", "as stated, e.g. so"),
    ],
)
def test_names_are_said_in_words(text: str, said: str) -> None:
    assert in_words(text).replace("\u00a0", " ") == said
