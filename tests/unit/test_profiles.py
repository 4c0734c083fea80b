"""The profiles: that they say what their titles say."""

import pytest

from lab import profiles
from lab.errors import BadInput
from lab.impairment import Direction, Impairment
from lab.link.queue import FRAME_BYTES
from lab.profiles import PROFILES, Profile

SERVER, CLIENT = Direction.TOWARD_SERVER, Direction.TOWARD_CLIENT
LIGHT_KM_PER_MS = 299.792458


def test_names() -> None:
    assert set(PROFILES) == {
        "lan", "wifi", "dsl", "4g", "satellite-geo", "lossy-wifi", "bufferbloat"
    }  # fmt: skip


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_a_profile_is_whole(profile: Profile) -> None:
    assert profiles.parse(profile.name, "--profile") is profile
    assert set(profile.impairments) == set(Direction)
    for impairment in profile.impairments.values():
        assert {"rate", "delay"} <= impairment.knobs()
        assert Impairment.parse(str(impairment)) == impairment
    up, down = profile.toward_server, profile.toward_client
    assert up.rate_bps and down.rate_bps and up.rate_bps <= down.rate_bps
    assert "\n" not in profile.title + profile.source
    assert len(profile.title) < 100


def test_geometry_of_the_satellite() -> None:
    nadir_ms = 2 * 35_786 / LIGHT_KM_PER_MS
    assert nadir_ms == pytest.approx(239, abs=0.5)
    edge_ms = 2 * (42_164**2 - 6_378**2) ** 0.5 / LIGHT_KM_PER_MS
    assert edge_ms == pytest.approx(278, abs=1)
    for impairment in PROFILES["satellite-geo"].impairments.values():
        assert nadir_ms < impairment.delay_ms < edge_ms


def test_a_second_of_bufferbloat() -> None:
    for impairment in PROFILES["bufferbloat"].impairments.values():
        assert impairment.rate_bps and impairment.limit
        queue_s = impairment.limit * FRAME_BYTES * 8 / impairment.rate_bps
        assert queue_s == pytest.approx(1, abs=0.05)


def test_bursts_of_the_lossy_wifi() -> None:
    profile = PROFILES["lossy-wifi"]
    assert profile.impairments[SERVER] == profile.impairments[CLIENT]
    assert profile.toward_client.loss_ratio == pytest.approx(0.025)


def test_no_profile() -> None:
    with pytest.raises(BadInput) as caught:
        profiles.parse("5g", "--profile")
    assert str(caught.value).startswith("--profile: '5g' is no profile; allowed lan, wifi, lossy")
