"""The simulated bucket answers as real ones do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from docusnap import errors
from docusnap.model import ObjectVersion

from tests.simulation.clock import Clock
from tests.simulation.files import Content
from tests.simulation.store import Bucket

ONE, TWO = Content("e1", 1), Content("e2", 1)


@pytest.fixture
def bucket() -> Bucket:
    return Bucket(Clock())


def version(bucket: Bucket, key: str) -> ObjectVersion:
    found = bucket.head(key)
    assert found is not None
    return found


def test_an_object_is_found_by_head_and_listing_with_its_etag(bucket: Bucket) -> None:
    bucket.put("incoming/a", ONE)
    assert version(bucket, "incoming/a").etag == "e1"
    assert bucket.list("incoming/", None, 10) == [version(bucket, "incoming/a")]
    assert bucket.head("incoming/b") is None


def test_a_listing_goes_on_after_a_key_and_is_bounded(bucket: Bucket) -> None:
    for name in "cab":
        bucket.put(f"incoming/{name}", ONE)
    bucket.put("uploads/x", ONE)
    assert [found.key for found in bucket.list("incoming/", "incoming/a", 10)] == ["incoming/b", "incoming/c"]
    assert [found.key for found in bucket.list("incoming/", None, 2)] == ["incoming/a", "incoming/b"]


def test_a_second_put_with_if_none_match_is_refused_but_by_a_store_that_does_not_know_it(bucket: Bucket) -> None:
    assert bucket.put("uploads/x", ONE, if_none_match=True)
    assert not bucket.put("uploads/x", TWO, if_none_match=True)
    assert version(bucket, "uploads/x").etag == "e1"
    bucket.honours_if_none_match = False
    assert bucket.put("uploads/x", TWO, if_none_match=True)
    assert version(bucket, "uploads/x").etag == "e2"


def test_a_fetch_reads_that_version_or_says_why_not(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("incoming/a", ONE)
    seen = version(bucket, "incoming/a")
    bucket.fetch(seen, tmp_path / "a", timeout=1)
    assert Content.read((tmp_path / "a").read_bytes()) == ONE
    bucket.put("incoming/a", TWO)
    with pytest.raises(errors.ObjectChanged):
        bucket.fetch(seen, tmp_path / "a", timeout=1)
    bucket.delete("incoming/a")
    with pytest.raises(errors.ObjectMissing):
        bucket.fetch(seen, tmp_path / "a", timeout=1)


def test_removing_what_is_not_there_is_no_error(bucket: Bucket) -> None:
    bucket.delete("incoming/a")
    assert bucket.object_keys() == []


def test_a_store_that_lists_late_shows_the_past(bucket: Bucket) -> None:
    bucket.lists_late = timedelta(seconds=30)
    bucket.put("incoming/a", ONE)
    assert bucket.list("incoming/", None, 10) == []
    bucket.clock.pass_(31)
    bucket.delete("incoming/a")
    assert [found.key for found in bucket.list("incoming/", None, 10)] == ["incoming/a"]
    assert bucket.head("incoming/a") is None


def test_a_store_that_is_away_answers_nothing(bucket: Bucket) -> None:
    bucket.away = True
    assert not bucket.ready()
    with pytest.raises(errors.StoreUnavailable):
        bucket.head("incoming/a")
