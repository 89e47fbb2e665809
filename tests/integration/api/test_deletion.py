"""DELETE while the store is away: nothing of the document is served from that moment on, and what is left is removed when it is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.adapters.s3 import S3Store
from docusnap.bootstrap import Parts
from docusnap.sweep import Sweep

from tests.contract.ledger.world import World
from tests.support.api import Server, Tenant, serve
from tests.support.relay import Relay, relayed, to_port


@dataclass(frozen=True)
class Scene:
    """A gateway whose store can be taken away, and a recognised document in it."""

    relay: Relay
    alice: Tenant
    bob: Tenant
    world: World
    bucket: str
    environ: dict[str, str]
    id: str

    @property
    def key(self) -> str:
        return f"uploads/alice-{self.id}"

    def object_is_there(self) -> bool:
        return S3Store(Parts(self.environ).settings).head(self.key) is not None

    def sweep(self) -> dict[str, int]:
        """As the function runs it, ten seconds later, over the store that may be away."""
        self.world.later(seconds=10)
        parts = Parts(self.environ | {"S3_ENDPOINT_URL": f"http://127.0.0.1:{self.relay.port}"})
        return Sweep(ledger=self.world.ledger, store=parts.store, waker=parts.waker, settings=parts.settings).run()


@pytest.fixture
def scene(
    environ: dict[str, str],
    database_url: str,
    ledger: PostgresLedger,
    tmp_path: Path,
    tenant_of: Callable[[Server, str], Tenant],
) -> Iterator[Scene]:
    with relayed(to_port(int(environ["S3_ENDPOINT_URL"].rpartition(":")[2]))) as relay:
        through = environ | {"S3_ENDPOINT_URL": f"http://127.0.0.1:{relay.port}", "S3_PUBLIC_ENDPOINT_URL": environ["S3_ENDPOINT_URL"]}
        with serve(tmp_path, {**through, "WEB_CONCURRENCY": "1"}) as server:
            alice, world, bucket = tenant_of(server, "alice"), World(ledger, database_url), environ["S3_BUCKET"]
            document = alice.send(filename="secret.png")
            assert alice.notify(f"uploads/alice-{document}", bucket=bucket).json()["queued"] == 1
            world.split(1)
            world.finish("a secret word")
            yield Scene(relay, alice, tenant_of(server, "bob"), world, bucket, environ, document)


def nothing_is_served(scene: Scene) -> None:
    path = f"/v1/documents/{scene.id}"
    for asked in ("", "/content", "/content?page=1", "/content?format=text", "/original", "?wait=1"):
        assert scene.alice.get(path + asked).status_code == 404, asked
    assert scene.alice.get("/v1/documents").json()["items"] == []
    assert scene.alice.get("/v1/documents?status=succeeded").json()["items"] == []
    assert scene.alice.get("/v1/search?q=secret").json()["items"] == []
    for call in ("/cancel", "/reprocess"):
        assert scene.alice.post(path + call).status_code == 404
    assert scene.alice.call("DELETE", path).status_code == 404


def test_before_it_was_deleted_all_of_it_is_served(scene: Scene) -> None:
    path = f"/v1/documents/{scene.id}"
    assert [scene.alice.get(path + asked).status_code for asked in ("", "/content", "/original")] == [200, 200, 303]
    assert len(scene.alice.get("/v1/search?q=secret").json()["items"]) == 1
    assert scene.object_is_there()


def test_a_document_that_was_deleted_while_the_store_was_away_is_gone_at_once_and_its_object_later(scene: Scene) -> None:
    scene.relay.down()
    assert scene.alice.call("DELETE", f"/v1/documents/{scene.id}").status_code == 204
    nothing_is_served(scene)
    assert scene.sweep()["removed"] == -1
    nothing_is_served(scene)
    assert scene.object_is_there()
    assert [scene.world.count(table) for table in ("revision", "work", "page_content")] == [0, 0, 0]
    scene.relay.up()
    assert scene.sweep()["removed"] == 1
    assert not scene.object_is_there()
    nothing_is_served(scene)


def test_an_event_of_a_deleted_document_brings_nothing_back_before_or_after_its_tombstone(scene: Scene) -> None:
    assert scene.alice.call("DELETE", f"/v1/documents/{scene.id}").status_code == 204
    assert scene.alice.notify(scene.key, bucket=scene.bucket).json() == {"records": 1, "queued": 0, "parked": 0}
    nothing_is_served(scene)
    scene.sweep()
    scene.world.later(days=1)
    scene.sweep()  # the tombstone has done its work
    assert scene.alice.notify(scene.key, bucket=scene.bucket).json() == {"records": 1, "queued": 0, "parked": 1}
    nothing_is_served(scene)
    scene.world.later(days=31)
    scene.sweep()  # … and is forgotten
    assert scene.world.count("document") == 0
    assert scene.alice.notify(scene.key, bucket=scene.bucket).json()["queued"] == 0
    nothing_is_served(scene)
