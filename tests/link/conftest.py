"""The hosts and the link program, for the tests that need a kernel and root."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import net


@pytest.fixture(scope="module")
def hosts() -> Iterator[net.Net]:
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("network namespaces need root and iproute2")
    if not Path("/dev/net/tun").exists():
        pytest.skip("this machine has no /dev/net/tun")
    with net.network() as built:
        yield built


@pytest.fixture
def link(hosts: net.Net, tmp_path: Path) -> Iterator[net.LinkProcess]:
    with net.LinkProcess(hosts, tmp_path) as serving:
        yield serving
