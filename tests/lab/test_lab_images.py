"""Where the image comes from: a registry that answers, or Debian's packages, with a line."""

import hashlib
import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lab import compose, images
from lab.engine import Engine
from lab.errors import ComposeError

Registry = Callable[[], AbstractContextManager[int]]

INDEX = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": "sha256:" + "0" * 64,
                "size": 2,
                "platform": {"architecture": "amd64", "os": "linux"},
            }
        ],
    }
).encode()


class _Api(BaseHTTPRequestHandler):
    """As much of the distribution API (v2) as it takes to say that a tag is there."""

    def do_GET(self) -> None:
        tag = self.path == "/v2/debian/manifests/trixie-slim"
        digest = f"sha256:{hashlib.sha256(INDEX).hexdigest()}"
        if tag or self.path.endswith(digest):
            body, kind = INDEX, "application/vnd.oci.image.index.v1+json"
        elif self.path == "/v2/":
            body, kind = b"{}", "application/json"
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """The engine tries TLS first, which is nothing to report."""


@contextmanager
def answers() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Api) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def hangs() -> Iterator[int]:
    """The kernel takes the connection, and nobody ever says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def refuses() -> Iterator[int]:
    with socket.socket() as bound:  # a port that is taken, and that nobody listens on
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that has no base and no node image yet."""
    monkeypatch.setattr(images, "BASE", "netlab-base:no-such-tag")
    monkeypatch.setattr(images, "NODE", "netlab-node:no-such-tag")


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would be built, instead of building it: the shared image stays as it is."""
    log: list[str] = []
    monkeypatch.setattr(images, "_build_base", lambda label: log.append(f"base {label}"))
    monkeypatch.setattr(compose, "build", lambda base, recipe: log.append(f"{base} {recipe}"))
    return log


@pytest.mark.usefixtures("nothing_here")
def test_a_registry_that_answers_gives_the_base(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, built: list[str]
) -> None:
    said: list[str] = []
    with answers() as port:
        base = f"127.0.0.1:{port}/debian:trixie-slim"
        monkeypatch.setattr(images, "REGISTRY_BASE", base)
        images.ensure(engine, said.append)
        assert images.source(engine) == base
        assert not engine.registry_has(f"127.0.0.1:{port}/debian:no-such-tag", 3)
    assert built == [f"{base} {images.recipe()}"]
    assert said == [f"building the node image on {base}"]


@pytest.mark.usefixtures("nothing_here")
@pytest.mark.parametrize("registry", [hangs, refuses])
def test_without_a_registry_the_base_is_built_from_packages(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, built: list[str], registry: Registry
) -> None:
    said: list[str] = []
    with registry() as port:
        base = f"127.0.0.1:{port}/debian:trixie-slim"
        monkeypatch.setattr(images, "REGISTRY_BASE", base)
        images.ensure(engine, said.append)
        monkeypatch.setattr(images, "PATIENCE_S", 0.2)
        monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/mmdebstrap")
        assert images.source(engine) == "Debian's packages"
        monkeypatch.setattr(shutil, "which", lambda _: None)
        assert images.source(engine) is None
    assert built == [f"base {images._packages()}", f"{images.BASE} {images.recipe()}"]
    assert said == [
        f"no registry answered for {base} within 3 s: "
        "building the base from Debian's packages (about half a minute)",
        f"building the node image on {images.BASE}",
    ]


@pytest.mark.usefixtures("nothing_here")
def test_without_compose_nothing_is_built(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, built: list[str]
) -> None:
    def missing() -> str:
        raise ComposeError("no Compose")

    monkeypatch.setattr(compose, "version", missing)
    with pytest.raises(ComposeError, match="no Compose"):
        images.ensure(engine, pytest.fail)
    assert built == []


@pytest.mark.usefixtures("nothing_here", "built")
def test_a_base_that_is_here_needs_no_registry(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "REGISTRY_BASE", "netlab-node:trixie")
    monkeypatch.setattr(engine, "registry_has", lambda *_: pytest.fail("a registry was asked"))
    assert images.source(engine) == "netlab-node:trixie"
