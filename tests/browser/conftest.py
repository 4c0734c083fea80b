"""The browser that the tests of a module share.

No longer: Playwright keeps an event loop running in the thread, where no other test could then
start one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import MISSING, chromium, executable, may_install


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if executable() is None:
        if may_install():
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with chromium() as found:
        yield found
