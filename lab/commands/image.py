"""The image of the nodes: image save, image load."""

from pathlib import Path

import click

from lab import images
from lab.commands.shared import group, say
from lab.engine import Engine


@group
def image() -> None:
    """Carry the image of the nodes to a machine without internet."""


@image.command()
@click.argument("file", type=click.Path(path_type=Path))
def save(file: Path) -> None:
    """Write all that `lab up` needs into FILE."""
    engine = Engine()
    images.ensure(engine, say)
    size = images.save(engine, file)
    click.echo(f"saved {images.NODE} to {file}: {size / 1e6:.0f} MB")


@image.command()
@click.argument("file", type=click.Path(path_type=Path))
def load(file: Path) -> None:
    """Load FILE, after which `lab up` needs no network."""
    current = images.load(Engine(), file)
    click.echo(f"loaded {images.NODE} from {file}")
    if not current:
        say("it is of another version of this project: lab up will build it anew")
