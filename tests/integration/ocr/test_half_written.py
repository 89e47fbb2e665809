"""Objects that come half: cut off on their way, half in the bucket, or replaced while they are read. No half is ever recognised."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from docusnap import errors
from docusnap.model import Status
from PIL import Image

from tests.integration.ocr.test_worker import Desk, StoreThatGoesAway, _tiff, desk
from tests.support.cutting_relay import CuttingRelay, cutting
from tests.support.pages import saved
from tests.support.relay import to_port

__all__ = ["desk"]

NOISE = Image.effect_noise((500, 400), 80)  # which no format makes smaller: 200 KB
EARLY = 50_000  # bytes, beyond every answer's head and before this object's end


@pytest.fixture
def relay(desk: Desk) -> Iterator[CuttingRelay]:
    """Between the worker and the store."""
    port = int(desk.settings.s3_endpoint_url.rpartition(":")[2])
    with cutting(to_port(port), after=EARLY) as found:
        yield found


def through(relay: CuttingRelay, desk: Desk) -> StoreThatGoesAway:
    """A client of its own, which has no connection yet."""
    return StoreThatGoesAway(replace(desk.settings, s3_endpoint_url=f"http://127.0.0.1:{relay.port}"))


def failures(desk: Desk) -> int:
    return int(desk.world.sql("SELECT max(failures) AS most FROM work")[0].most)


def test_an_object_whose_body_ends_early_is_fetched_again_and_read_whole(desk: Desk, relay: CuttingRelay) -> None:
    document = desk.upload(saved(NOISE, "TIFF"))
    desk.store, relay.cuts = through(relay, desk), 1
    desk.work()
    assert (desk.see(document).served.status, relay.cuts) == (Status.SUCCEEDED, 0)


def test_an_object_whose_body_always_ends_early_is_a_failed_fetch_and_no_damaged_image(desk: Desk, relay: CuttingRelay) -> None:
    document, harmless = desk.upload(saved(NOISE, "TIFF")), desk.upload(_tiff(1))
    desk.store, relay.cuts = through(relay, desk), 1000
    for _ in range(3):
        desk.work()
    assert (desk.see(document).served.status, desk.code(document)) == (Status.FAILED, "fetch_failed")
    assert failures(desk) == desk.settings.page_failures
    assert desk.see(harmless).served.status is Status.SUCCEEDED  # it is shorter than what comes through


def test_a_file_that_was_uploaded_half_is_rejected_at_once_and_never_tried_again(desk: Desk) -> None:
    whole = saved(NOISE, "PNG")
    document = desk.upload(whole[: len(whole) // 2])
    desk.work()
    assert (desk.see(document).served.status, desk.code(document)) == (Status.REJECTED, "corrupt_image")
    assert desk.world.sql("SELECT max(attempt) AS tries, count(*) FROM work") == [(1, 1)]


def test_an_object_that_is_replaced_while_it_is_read_is_the_old_one_or_none_but_never_both(
    desk: Desk, relay: CuttingRelay, tmp_path: Path
) -> None:
    old, new = saved(NOISE, "TIFF"), saved(NOISE.transpose(Image.Transpose.ROTATE_180), "TIFF")
    key = desk.upload(old).key
    seen = desk.store.head(key)
    assert seen is not None
    relay.pause = lambda: desk.store._client.put_object(Bucket=desk.store.bucket, Key=key, Body=new)
    try:
        read = through(relay, desk).fetch(seen, tmp_path / "object", timeout=20)
    except errors.DocuSnapError as exc:
        assert isinstance(exc, errors.ObjectChanged | errors.StoreUnavailable)  # noqa: PT017  either is right
        assert not (tmp_path / "object").exists()
    else:
        assert read == hashlib.sha256(old).hexdigest()
    changed = desk.store.head(key)
    assert changed is not None
    assert changed.etag != seen.etag  # it was replaced indeed
