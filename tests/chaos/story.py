"""One run: two hundred documents are sent to a running stack while one fault after the other befalls it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from docusnap.client import Client, is_final

from tests.acceptance.homes.base import ROOT
from tests.acceptance.homes.embedded_home import EmbeddedHome
from tests.chaos import hosts, report
from tests.chaos.documents import Paper, papers
from tests.chaos.faults import Fault, Victim, faults, mount_scratch
from tests.chaos.flight import Flight
from tests.chaos.hosts import Host
from tests.chaos.outcome import Outcome
from tests.chaos.report import Event
from tests.chaos.sender import Sender
from tests.chaos.watch import Watch
from tests.support.waiting import eventually

KEPT = ROOT / ".cache" / "chaos"  # logs of the last run
FIRST, LAST = 12, 10  # documents that are sent before the first fault, and after the last one
AWAY_SECONDS = 95.0  # a lease is 90
GOES_ON_SECONDS = 60.0  # nothing that befalls the stack may hold up work it has not begun for longer
ALL_SECONDS = 180.0  # leases of killed workers run out first
HOSTS = {"north": (77, "cut off"), "south": (78, "stands still")}


class Story:
    """Told once; `outcome` has the end."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.outcome = Outcome(seed, papers())
        self.home = EmbeddedHome(Path(tempfile.mkdtemp(prefix="docusnap-chaos-")))
        self.flight = Flight(f"postgresql://docusnap@/docusnap?host={self.home.home / 'sockets'}")
        self.sender = Sender(self.home)
        self.began = time.time()
        self.unheard: list[str] = []  # documents whose events nobody took
        self.away: dict[str, tuple[Host, float]] = {}

    def tell(self) -> Outcome:
        mount_scratch(self.home)
        try:
            self.home.start()
            self.flight.install()
            self._run()
            self.home.process.terminate()
            self.outcome.exit_status = self.home.process.wait(timeout=15)
            self.outcome.look(self.home)
        finally:
            self._keep_logs()
            self.home.kill_everything()
            subprocess.run(["umount", self.home.home / "scratch"], check=True)
            shutil.rmtree(self.home.folder)
        return self.outcome

    def _run(self) -> None:
        rest, order = list(self.outcome.papers), list(faults())
        self.draw.shuffle(rest)
        self.draw.shuffle(order)
        watch = Watch(self.home.api, self.home.key)
        with ExitStack() as held:
            held.enter_context(watch.kept())
            named = [held.enter_context(hosts.running(name, number, self.home, self.flight)) for name, (number, _) in HOSTS.items()]
            self.began = time.time()
            self.sender.send(rest[:FIRST])
            self._part(*named)
            for fault, batch in zip(order, _shared(rest[FIRST:-LAST], len(order)), strict=True):
                self._befall(fault, batch, watch)
                self._bring_back(wait=False)
            self._bring_back(wait=True)
            self._work_again(named, rest[-LAST:])
            self._settle()
            self._say("all are final")
            self.outcome.ask(self.home, self.flight)
            self.outcome.logs = {host.name: host.log for host in named}
            self._report()

    def _part(self, north: Host, south: Host) -> None:
        """North is cut off with a page under way, and goes on with it; south stands still as a paused machine does."""
        own = self.home.kin.alive("worker")
        hosts.tell(own, signal.SIGSTOP)  # it would take the pages before they do
        for host in (north, south):
            host.hold_a_page()
        hosts.tell(own, signal.SIGCONT)
        self.away = {host.name: (host, time.time()) for host in (north, south)}
        north.unplug()
        north.go_on()
        south.freeze()
        self._say("north is cut off, south stands still")

    def _bring_back(self, *, wait: bool) -> None:
        for name, (host, since) in list(self.away.items()):
            if wait:
                eventually(lambda name=name, since=since: self._presumed_dead(name, since), f"{name}'s page is taken over", ALL_SECONDS)
            elif not self._presumed_dead(name, since):
                continue
            del self.away[name]
            self.outcome.returned[name] = time.time()
            host.plug_in()
            host.go_on()
            host.wake(True)
            title = f"a second host that holds a lease {HOSTS[name][1]} for {time.time() - since:.0f} s, then back"
            self.outcome.events.append(Event(title, since, time.time(), None, 0, 0.0, 0, writer=name))

    def _presumed_dead(self, name: str, since: float) -> bool:
        """Away for longer than a lease, and its page taken over: until then it may still finish it."""
        return time.time() > since + AWAY_SECONDS and self.flight.taken_over(name, since)

    def _befall(self, fault: Fault, batch: Sequence[Paper], watch: Watch) -> None:
        half = len(batch) // 2
        before, meanwhile, after = batch[:half], batch[half:-1], batch[-1:]
        self.sender.send(before)
        eventually(lambda: self.flight.held(""), "work is under way", GOES_ON_SECONDS)
        time.sleep(self.draw.uniform(0, 0.3))
        if not fault.sends:
            self.sender.send(meanwhile)
        self._say(fault.name)
        uploads = self.sender.under_way
        victim = Victim(self.home, self.sender, self.flight, self.draw, meanwhile if fault.sends else ())
        fault.act(victim)
        ended = time.time()
        self.sender.send(after)  # the hosts may have done all else meanwhile
        self.unheard += [paper.name for paper in victim.unheard]
        went_on = eventually(lambda: self.flight.done_since(ended), f"work goes on after: {fault.name}", GOES_ON_SECONDS)
        eventually(lambda: not watch.away(time.time() - 0.5, time.time()), "the API answers", GOES_ON_SECONDS)
        away, repeats = watch.away(victim.struck, time.time()), self.sender.repeated_since(victim.struck)
        self.outcome.events.append(
            Event(fault.name, victim.struck, ended, went_on, uploads, away, repeats, kills_worker=fault.kills_worker)
        )

    def _work_again(self, named: Sequence[Host], last: Sequence[Paper]) -> None:
        """Both hosts are workers as before; the stack's own one is held meanwhile, so that they must do it."""
        self._say("the hosts are back and work alone")
        own = self.home.kin.alive("worker")
        hosts.tell(own, signal.SIGSTOP)
        self.sender.send(last)
        for host in named:
            back = self.outcome.returned[host.name]
            eventually(lambda host=host, back=back: self.flight.done_by(host.name, back), f"{host.name} works again", GOES_ON_SECONDS)
        hosts.tell(own, signal.SIGCONT)

    def _settle(self) -> None:
        self.sender.finish()
        self._say("all are sent; leases that were lost run out")
        client = Client(self.home.api, self.home.key)

        def all_final() -> bool:
            found = list(client.documents())
            return len(found) > len(self.outcome.papers) and all(is_final(document) for document in found)  # and the sample page

        eventually(all_final, "every document is final", ALL_SECONDS)
        client.close()

    def _report(self) -> None:
        found, late = self.outcome, max(self.outcome.queued[name] - self.sender.put_at[name] for name in self.unheard)
        title = f"Seed {found.seed}: {len(found.papers)} documents"
        note = f"The {len(self.unheard)} whose events nobody took were queued {late:.0f} s after their upload, at the latest."
        note += f" The machine's load average was {os.getloadavg()[1]:.0f} on {os.cpu_count()} cores."
        text = report.table(found.events, found.changes, self.began, title, note)
        sys.stdout.write(f"\n{text}\n")
        report.keep(text)

    def _keep_logs(self) -> None:
        """For whoever looks for the cause of a failure: what each program said, and every change of the ledger's work."""
        shutil.rmtree(KEPT, ignore_errors=True)
        shutil.copytree(self.home.home / "logs", KEPT)
        shutil.copy(self.home.folder / "screen", KEPT)
        for name in HOSTS:
            with suppress(FileNotFoundError):
                shutil.copy(self.home.folder / name / "log", KEPT / f"{name}.log")
        with suppress(AssertionError):
            self.outcome.changes = self.outcome.changes or self.flight.changes()
        (KEPT / "changes").write_text("".join(f"{change}\n" for change in self.outcome.changes), "utf-8")

    def _say(self, text: str) -> None:
        sys.stdout.write(f"{time.time() - self.began:6.1f} s  {text}\n")
        sys.stdout.flush()


def _shared(things: Sequence[Paper], among: int) -> Sequence[Sequence[Paper]]:
    return [things[number::among] for number in range(among)]
