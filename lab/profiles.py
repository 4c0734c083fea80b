"""Ready-made links, each with where its figures come from. Values only.

A round trip that a source gives is halved, one half each way. What no source gives is said to be
chosen. Toward the server is the uplink.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lab.impairment import Direction, Impairment
from lab.units import refusal


@dataclass(frozen=True)
class Profile:
    """A link by name, as an impairment for each direction. title: one line. source: a citation."""

    name: str
    title: str
    source: str
    toward_server: Impairment
    toward_client: Impairment

    @property
    def impairments(self) -> Mapping[Direction, Impairment]:
        """By direction, as a link takes them."""
        return {
            Direction.TOWARD_SERVER: self.toward_server,
            Direction.TOWARD_CLIENT: self.toward_client,
        }


def _profile(name: str, title: str, source: str, up: str, down: str = "") -> Profile:
    parsed = Impairment.parse(up, name)
    return Profile(name, title, source, parsed, Impairment.parse(down, name) if down else parsed)


_ALL = (
    _profile(
        "lan",
        "a wired network in one building: 1 Gbit/s, no delay to speak of",
        "IEEE 802.3 (1000BASE-T) for the rate; 100 us each way is chosen, for some switches",
        "delay 100us rate 1gbit",
    ),
    _profile(
        "wifi",
        "good Wi-Fi: most packets in 3 ms there and back, now and then 20 ms",
        "Sui et al. (2016), Characterizing and Improving WiFi Latency in Large-Scale Operational "
        "Networks, MobiSys: 3 ms in the middle, 20 ms at the 90th percentile; "
        "40 Mbit/s is chosen, for one stream of IEEE 802.11n at 65 Mbit/s",
        "delay 2ms jitter 2ms distribution pareto rate 40mbit",
    ),
    _profile(
        "lossy-wifi",
        "Wi-Fi at the edge of its reach: losses in bursts, 2.5 % in all",
        "Gilbert-Elliott for bursts in 802.11g: Carvalho, Angeja and Navarro (2005), IEEE "
        "Transactions on Consumer Electronics 51(3), who find longer ones too; delays: Sui et al. "
        "(2016), MobiSys; p = 1 %, r = 19 %, 1-h = 50 % and 10 Mbit/s are chosen",
        "gemodel 1% 19% 50% delay 5ms jitter 5ms distribution pareto rate 10mbit",
    ),
    _profile(
        "dsl",
        "DSL: 1.5 Mbit/s down, 384 kbit/s up, 50 ms there and back",
        "WebPageTest, connectivity profile DSL (1.5 Mbps/384 Kbps 50ms RTT)",
        "delay 25ms rate 384kbit",
        "delay 25ms rate 1.5mbit",
    ),
    _profile(
        "4g",
        "4G: 14.7 Mbit/s down, 13.6 Mbit/s up, 53 ms there and back",
        "Ofcom (2015), Measuring mobile broadband performance in the UK: 4G and 3G network "
        "performance, averages of October to December 2014; the jitter of 5 ms is chosen",
        "delay 26.5ms jitter 5ms distribution normal rate 13.6mbit",
        "delay 26.5ms jitter 5ms distribution normal rate 14.7mbit",
    ),
    _profile(
        "satellite-geo",
        "a geostationary satellite: 25 Mbit/s down, 3 Mbit/s up, half a second there and back",
        "geometry: 35 786 km up and down at the speed of light are 239 ms for who lives right "
        "below, and up to 279 ms at the edge (RFC 2488, section 2); rates: broadband as the FCC "
        "defined it in its 2015 Broadband Progress Report",
        "delay 250ms rate 3mbit",
        "delay 250ms rate 25mbit",
    ),
    _profile(
        "bufferbloat",
        "a home router with too long a queue: a second of it, as soon as somebody uploads",
        "Gettys and Nichols (2012), Bufferbloat: Dark Buffers in the Internet, Communications of "
        "the ACM 55(1); up to about one second in homes: Wustner, Teixeira and Chandrashekar "
        "(2014), Characterizing Bufferbloat and its Impact at End-Hosts, TMA; 1 and 8 Mbit/s are "
        "chosen, the limits are a second of full frames at these rates",
        "delay 15ms rate 1mbit limit 84",
        "delay 15ms rate 8mbit limit 670",
    ),
)

PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in _ALL}
"""By name."""


def parse(text: str, where: str) -> Profile:
    """A profile by its name. Raises `BadInput`."""
    if text not in PROFILES:
        raise refusal(where, text, f"is no profile; allowed {', '.join(PROFILES)}")
    return PROFILES[text]
