"""Ceph's object gateway with one monitor and one OSD, Debian's packages (`tests/system/need ceph`). Needs root."""

from __future__ import annotations

import secrets
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_port
from tests.support.stores.store import Store, await_answer, bare_environ, running

COMMAND_SECONDS = 60
# Small, without replicas, and quiet: what a cluster of one disk needs to be content.
CONFIG = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = {folder}/keyring
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd crush update on start = false
osd class update on start = false
osd memory target = 939524096
osd objectstore = bluestore
bluestore block size = 6442450944
bluestore cache autotune = false
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon data avail crit = 1
mon data avail warn = 2
ms bind ipv6 = false
run dir = {folder}/run
admin socket = {folder}/run/$cluster-$name.asok
pid file = {folder}/run/$name.pid
log file = {folder}/log/$name.log
mon data = {folder}/mon
osd data = {folder}/osd
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw data = {folder}/rgw
rgw thread pool size = 32
rgw enable ops log = false
rgw enable usage log = false
rgw override bucket index max shards = 1
rgw num rados handles = 1
rgw enable apis = s3, admin, sts, iam, notifications
"""
KEYRING = {
    "mon.": ["mon"],
    "client.admin": ["mon", "osd", "mgr", "mds"],
    "client.rgw": ["mon", "osd"],
    "osd.0": ["mon", "osd"],
}


@contextmanager
def running_ceph(
    folder: Path, *, webhook: str | None = None, token: str | None = None, origins: Sequence[str] | None = None, port: int | None = None
) -> Iterator[Store]:
    """A fresh cluster under `folder`, 15 s. Ceph knows no webhook and no origins of a server: they are refused here."""
    assert webhook is token is origins is None, "Ceph has topics and CORS by the bucket; set them by its API"
    cluster = _Cluster(folder, port or free_port(), free_port(), free_port())
    cluster.prepare()
    url, log = f"http://127.0.0.1:{cluster.port}", folder / "log" / "client.rgw.log"
    with ExitStack() as daemons:
        mon = daemons.enter_context(cluster.daemon("ceph-mon", "-i", "a"))
        cluster.add_osd()
        osd = daemons.enter_context(cluster.daemon("ceph-osd", "-i", "0"))
        rgw = daemons.enter_context(cluster.daemon("radosgw", "-n", "client.rgw"))
        await_answer(rgw, url, folder / "log" / "radosgw.output")
        access_key, secret_key = cluster.new_user("docusnap")
        yield Store("ceph", url, access_key, secret_key, "us-east-1", log, (mon.pid, osd.pid, rgw.pid))


@dataclass(frozen=True, slots=True)
class _Cluster:
    folder: Path
    port: int
    mon_v1: int
    mon_v2: int

    def prepare(self) -> None:
        """Configuration, keys and the monitor's files."""
        for name in ("mon", "osd", "rgw", "run", "log"):
            (self.folder / name).mkdir(parents=True)
        fsid = str(uuid.uuid4())
        ports = {"mon_v1": self.mon_v1, "mon_v2": self.mon_v2, "port": self.port}
        (self.folder / "ceph.conf").write_text(CONFIG.format(folder=self.folder, fsid=fsid, **ports), "utf-8")
        keyring, monmap = str(self.folder / "keyring"), str(self.folder / "monmap")
        self.call("ceph-authtool", "--create-keyring", keyring)
        for name, parts in KEYRING.items():
            self.call("ceph-authtool", keyring, "--gen-key", "-n", name, *(word for part in parts for word in ("--cap", part, "allow *")))
        addresses = f"[v2:127.0.0.1:{self.mon_v2},v1:127.0.0.1:{self.mon_v1}]"
        self.call("monmaptool", "--create", "--addv", "a", addresses, "--fsid", fsid, monmap)
        self.call("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring, "--setuser", "root", "--setgroup", "root")

    def add_osd(self) -> None:
        disk = str(uuid.uuid4())
        self.call("ceph", "osd", "new", disk, "0")
        self.call("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk, "--setuser", "root", "--setgroup", "root")
        self.call("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost")

    def new_user(self, name: str) -> tuple[str, str]:
        """Access key and secret key of an S3 user."""
        keys = secrets.token_hex(10), secrets.token_hex(20)
        words = ("--uid", name, "--display-name", name, "--access-key", keys[0], "--secret-key", keys[1])
        self.call("radosgw-admin", "user", "create", *words)
        return keys

    def daemon(self, program: str, *words: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """In the foreground, so that it is ended by its own pid."""
        command = [program, "-f", "-c", f"{self.folder}/ceph.conf", *words, "--setuser", "root", "--setgroup", "root"]
        return running(command, bare_environ(HOME=str(self.folder)), self.folder / "log" / f"{program}.output", self.folder)

    def call(self, program: str, *words: str) -> None:
        """Raises: AssertionError with what the program said."""
        environ = bare_environ(HOME=str(self.folder), CEPH_CONF=str(self.folder / "ceph.conf"))
        done = subprocess.run([program, *words], env=environ, cwd=self.folder, capture_output=True, timeout=COMMAND_SECONDS, check=False)
        if done.returncode:
            raise AssertionError(f"{program} {' '.join(words)}: {done.stderr.decode('utf-8', 'replace')[-2000:]}")
