"""A lab for the lessons, gone whatever happens."""

import secrets
from collections.abc import Iterator

import pytest

from lab import images
from lab.engine import Engine


@pytest.fixture(scope="session")
def lesson_lab() -> Iterator[str]:
    """The name of a lab that the first `lab up` of a lesson brings up."""
    engine = Engine()
    images.ensure(engine, print)
    name = f"t-lesson-{secrets.token_hex(3)}"
    try:
        yield name
    finally:
        engine.remove(name)
