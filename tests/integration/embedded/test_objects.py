"""The embedded store by itself, as the stack starts it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from docusnap.hosts.embedded import objects
from docusnap.hosts.embedded.home import Home
from docusnap.hosts.embedded.objects import Juicefs
from docusnap.hosts.embedded.processes import Child, Kin, mark

from tests.acceptance.homes.base import s3_client
from tests.integration.embedded.conftest import clean_environ, until
from tests.support.ports import free_port

KEY, SECRET = "an-access-key", "a-secret-key"
OBJECTS, WARM = 3000, 500
GROWTH = 20.0  # MB; measured 5 to 7, and 38 to 43 with a cache that forgets nothing


class Store:
    """A running one."""

    def __init__(self, folder: Path) -> None:
        name, _, value = mark(folder, "store").partition("=")
        base = clean_environ(
            **{name: value}, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET, EVENTS_TOKEN="a-token", GOGC="10"
        )  # garbage hides what is kept
        self._juicefs = Juicefs.of(Home(folder), free_port())
        self._environ = objects.environment(base, "http://127.0.0.1:9/events/s3", "*")
        self._kin = Kin(folder, folder / "postgres")
        (folder / "logs").mkdir()
        self._juicefs.prepare()
        formatting = Child(self._juicefs.format(self._environ), self._kin)
        formatting.start()
        until(lambda: formatting.status() is not None, "the volume is formatted")
        assert formatting.status() == 0
        self._juicefs.adopt()
        self.s3 = s3_client(self._juicefs.url, KEY, SECRET)
        self.start()

    def start(self) -> None:
        self.child = Child(self._juicefs.gateway(self._environ), self._kin)
        self.child.start()
        until(self._answers, "the store answers")

    def kill(self) -> None:
        self._kin.kill()
        until(lambda: self.child.status() is not None, "it is dead")

    def _answers(self) -> bool:
        try:
            self.s3.list_buckets()
        except (BotoCoreError, ClientError):  # while it starts
            return False
        return True

    def memory(self) -> float:
        """MB of its own."""
        status = Path(f"/proc/{self.child.pid}/status").read_text("utf-8")
        (kilobytes,) = re.findall(r"RssAnon:\s+(\d+) kB", status)
        return int(kilobytes) / 1024


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path)
    found.s3.create_bucket(Bucket="docusnap")
    yield found
    found.s3.close()
    found.kill()


def _put(store: Store, numbers: range) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store.s3.put_object(Bucket="docusnap", Key=f"incoming/{number}", Body=b"%d" % number), numbers))


def test_its_memory_does_not_grow_with_the_number_of_objects(store: Store) -> None:
    _put(store, range(WARM))
    before = store.memory()
    _put(store, range(WARM, WARM + OBJECTS))
    assert store.memory() - before < GROWTH


def test_what_it_took_before_kill_minus_nine_is_there_after(store: Store) -> None:
    _put(store, range(100))
    store.kill()
    store.start()
    for number in range(100):
        assert store.s3.get_object(Bucket="docusnap", Key=f"incoming/{number}")["Body"].read() == b"%d" % number
