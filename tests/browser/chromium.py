"""The system's Chromium, driven by Playwright, which brings none of its own along."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = f"no browser here: none of {', '.join(NAMES)} is on PATH (lab/setup.sh dev)"


def executable() -> str | None:
    """Where the browser is, and None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def may_install() -> bool:
    """Whether `lab/setup.sh dev` installs a browser here, so that a missing one is a mistake."""
    release = Path("/etc/os-release")
    debian = release.exists() and "ID=debian" in release.read_text(encoding="utf-8").splitlines()
    return debian and os.geteuid() == 0 and shutil.which("apt-get") is not None


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for as long as the block runs."""
    path = executable()
    if path is None:
        raise FileNotFoundError(MISSING)
    # As root Chromium refuses to start with its sandbox. The pages are the project's own.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()
