"""The one image of every node: where it comes from, and how it is carried to another machine.

Two ways, and a user need not know which: a registry's Debian where one answers, and where none
does the same Debian built from its packages (images/base/build).
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from docker.errors import DockerException
from requests.exceptions import RequestException

from lab import compose
from lab.engine import Engine
from lab.errors import BadInput, ImageError, last_words
from lab.lock import alone

NODE = "netlab-node:trixie"
BASE = "netlab-base:trixie"
REGISTRY_BASE = os.environ.get("LAB_REGISTRY_BASE", "debian:trixie-slim")
RECIPE_LABEL = "org.netlab.recipe"
PATIENCE_S = 3.0
"""How long a registry may take to answer before the base is built from packages."""

PATIENCE_OF_BUILDS_S = 300.0

_IMAGES = compose.ROOT / "images"

Say = Callable[[str], None]


def recipe() -> str:
    """What the node image is made from, as a hash of images/node: other files, other image."""
    digest = hashlib.sha256()
    for path in sorted((_IMAGES / "node").iterdir()):
        # Line ends are git's matter on Windows and change nothing here.
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def ensure(engine: Engine, say: Say) -> None:
    """Have the node image there, of this very recipe; `say` gets a line for each long step.

    Raises `ImageError` where it can neither be pulled nor built, and `ComposeError`.
    """
    wanted = recipe()
    if engine.image_label(NODE, RECIPE_LABEL) == wanted:
        return
    compose.version()  # it builds the image; better told now than after half a minute
    with alone(".image", "the node image", say, PATIENCE_OF_BUILDS_S):
        if engine.image_label(NODE, RECIPE_LABEL) == wanted:  # somebody else has just built it
            return
        base = _base(engine, say)
        say(f"building the node image on {base}")
        compose.build(base, wanted)


def source(engine: Engine) -> str | None:
    """What the node image would be made from: a base here or in a registry, packages, or None."""
    if base := _base_at_hand(engine):
        return base
    return None if missing() else "Debian's packages"


def missing() -> str:
    """The packages that building a base takes and that are not here; empty where all are.

    An ordinary user's mmdebstrap needs a range of user ids (mmdebstrap(1), --mode=unshare).
    """
    needed = {"mmdebstrap": "mmdebstrap"}
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        needed["newuidmap"] = "uidmap"
    return " and ".join(package for tool, package in needed.items() if not shutil.which(tool))


def _packages() -> str:
    """What a base built here has to contain, as a hash."""
    return hashlib.sha256((_IMAGES / "node" / "packages.txt").read_bytes()).hexdigest()[:16]


def _base_at_hand(engine: Engine) -> str | None:
    if engine.image_label(REGISTRY_BASE, RECIPE_LABEL) is not None:
        return REGISTRY_BASE
    if engine.image_label(BASE, RECIPE_LABEL) == _packages():
        return BASE
    return REGISTRY_BASE if engine.registry_has(REGISTRY_BASE, PATIENCE_S) else None


def _base(engine: Engine, say: Say) -> str:
    if base := _base_at_hand(engine):
        return base
    say(
        f"no registry answered for {REGISTRY_BASE} within {PATIENCE_S:.0f} s: "
        "building the base from Debian's packages (about half a minute)"
    )
    _build_base(_packages())
    return BASE


def _build_base(label: str) -> None:
    if needed := missing():
        raise ImageError(
            f"no registry can be reached, and to build the base takes {needed}; install {needed} "
            "(Debian, Ubuntu), or bring the image from another machine: lab image save, "
            "lab image load"
        )
    done = subprocess.run(
        ["sh", str(_IMAGES / "base" / "build"), BASE, f"{RECIPE_LABEL}={label}"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise ImageError(
            f"building the base from Debian's packages: {_reason(done.stderr, done.returncode)}; "
            "or bring the image from another machine: lab image save, lab image load"
        )


def _reason(stderr: str, code: int) -> str:
    """Why mmdebstrap failed: its first error. The last one says only that it failed."""
    errors = [line[3:] for line in stderr.splitlines() if line.startswith("E: ")]
    return errors[0] if errors else last_words(stderr, code)


def save(engine: Engine, path: Path) -> int:
    """Write the node image to a tar file, whole or not at all; return its size in bytes.

    The file carries all that `lab up` needs on a machine with no network.
    Raises `BadInput` where the file can't be written, `ImageError` where there is no image.
    """
    if engine.image_label(NODE, RECIPE_LABEL) is None:
        raise ImageError(f"there is no image {NODE} yet; make it: lab up")
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            for chunk in engine.client.api.get_image(NODE):
                file.write(chunk)
        part.replace(path)
    except OSError as error:
        raise BadInput("FILE", str(path), f"can't be written ({error.strerror})") from error
    except (DockerException, RequestException) as error:
        raise ImageError(f"saving {NODE}: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return path.stat().st_size


def load(engine: Engine, path: Path) -> bool:
    """Load the node image from a file of `save`; True where it is of this project's version.

    Raises `BadInput` where the file holds no such image.
    """
    try:
        with tarfile.open(path) as archive:
            names = archive.getnames()
    except FileNotFoundError:
        raise BadInput("FILE", str(path), "is not there; write a file of lab image save") from None
    except (OSError, tarfile.TarError):
        raise BadInput("FILE", str(path), "is no image; write a file of lab image save") from None
    if "manifest.json" not in names:
        raise BadInput("FILE", str(path), "is no image; write a file of lab image save")
    try:
        with path.open("rb") as file:
            engine.client.images.load(file)
    except (DockerException, RequestException) as error:
        raise ImageError(f"loading {path}: {error}") from error
    label = engine.image_label(NODE, RECIPE_LABEL)
    if label is None:
        raise BadInput("FILE", str(path), f"holds another image than {NODE}")
    return label == recipe()
