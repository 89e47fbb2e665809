"""What a start decides from the environment, before anything is touched."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import threading
from pathlib import Path

import pytest
from docusnap.hosts.embedded.database import server_version, socket_folder
from docusnap.hosts.embedded.home import Home, HomeLock, read_values, write_private
from docusnap.hosts.embedded.plan import Plan, claim, decide, part_environ, with_worker, write_secrets
from docusnap.hosts.embedded.trouble import CannotStart

from tests.support.ports import free_port


def planned(home: Path, **variables: str) -> Plan:
    return decide({"DOCUSNAP_HOME": str(home), **variables})


def test_without_any_variable_store_and_database_are_embedded(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    assert (plan.port, plan.s3_port, plan.external_store) == (8080, 9000, False)
    assert plan.postgres is not None
    assert plan.settings.s3_endpoint_url == "http://127.0.0.1:9000"
    assert plan.settings.database_url == f"postgresql+psycopg2://{plan.postgres.url.partition('://')[2]}"
    assert plan.settings.s3_bucket == "docusnap"
    assert not list(tmp_path.iterdir())


def test_each_is_external_if_and_only_if_its_variable_is_set(tmp_path: Path) -> None:
    store = planned(tmp_path, S3_ENDPOINT_URL="https://s3.eu-central-1.amazonaws.com")
    assert store.external_store
    assert store.postgres is not None
    database = planned(tmp_path, DATABASE_URL="postgres://u:p@db/x")
    assert not database.external_store
    assert database.postgres is None
    assert not planned(tmp_path, S3_ENDPOINT_URL="").external_store  # set to nothing is not set


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://u:p@db/x\n")
    plan = planned(tmp_path / "home", DATABASE_URL_FILE=str(tmp_path / "url"))
    assert plan.postgres is None
    assert plan.environ["DATABASE_URL"] == "postgresql://u:p@db/x"
    assert "DATABASE_URL_FILE" not in plan.environ


@pytest.mark.parametrize("url", ["sqlite:///docusnap.db", "mysql://u@h/d", "postgresql+psycopg://h/d", "nonsense"])
def test_another_database_is_refused_in_one_sentence(tmp_path: Path, url: str) -> None:
    with pytest.raises(CannotStart, match="DATABASE_URL: the value given is not a URL postgresql://"):
        planned(tmp_path, DATABASE_URL=url)
    assert not list(tmp_path.iterdir())


def test_all_bad_settings_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(CannotStart) as caught:
        planned(tmp_path, MAX_PAGES="abc", DOCUSNAP_PORT="99999", DOCUSNAP_S3_PORT="x", AWS_ACCESS_KEY_ID="only-one")
    for name in ("MAX_PAGES", "DOCUSNAP_PORT", "DOCUSNAP_S3_PORT", "AWS_ACCESS_KEY_ID"):
        assert name in str(caught.value)


def test_generated_secrets_are_kept_and_given_ones_win(tmp_path: Path) -> None:
    first = planned(tmp_path)
    write_secrets(first)
    again = planned(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "EVENTS_TOKEN"):
        assert first.environ[name] == again.environ[name]
    given = planned(tmp_path, AWS_ACCESS_KEY_ID="mine", AWS_SECRET_ACCESS_KEY="12345678", EVENTS_TOKEN="token", S3_BUCKET="scans")
    write_secrets(given)
    assert read_values(tmp_path / "s3.env") == {"S3_BUCKET": "scans", "AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "12345678"}
    assert (tmp_path / "events-token").read_text() == "token\n"
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("s3.env", "events-token")} == {0o600}


def test_a_developers_aws_session_is_not_the_embedded_stores(tmp_path: Path) -> None:
    shell = {
        "AWS_SESSION_TOKEN": "of a cloud",
        "AWS_PROFILE": "work",
        "AWS_ENDPOINT_URL_S3": "http://elsewhere",
        "AWS_CONFIG_FILE": "/none",
    }
    (tmp_path / "token").write_text("of a cloud\n")
    for given in (shell, {"AWS_SESSION_TOKEN_FILE": str(tmp_path / "token")}):
        plan = planned(tmp_path, **given)
        assert plan.settings.aws_session_token is None
        assert {name for name in plan.environ if name.startswith("AWS_")} == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
        external = planned(tmp_path, S3_ENDPOINT_URL="https://s3.eu-central-1.amazonaws.com", **given)
        assert external.settings.aws_session_token == "of a cloud"
        assert given.keys() - {"AWS_SESSION_TOKEN_FILE"} <= external.environ.keys()


def test_what_the_user_set_reaches_the_programs_and_loopback_passes_every_proxy(tmp_path: Path) -> None:
    plan = planned(tmp_path, MAX_PAGES="7", HTTP_PROXY="http://proxy:3128", no_proxy="intranet")
    environ = part_environ(with_worker(plan, "http://127.0.0.1:1234/"), "gateway")
    assert environ["MAX_PAGES"] == "7"
    assert environ["HTTP_PROXY"] == "http://proxy:3128"
    assert environ["no_proxy"] == environ["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert environ["OCR_URL"] == "http://127.0.0.1:1234/"


def test_a_busy_port_is_one_sentence_that_names_its_variable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"Port {port} is not free .*; set DOCUSNAP_PORT"):
            claim(port, "DOCUSNAP_PORT")


def test_a_database_that_has_just_gone_is_one_sentence() -> None:
    with pytest.raises(CannotStart, match=r"^PostgreSQL at 127\.0\.0\.1:\d+ does not answer any more; look at its log\.$"):
        server_version(f"postgresql://u:secret@127.0.0.1:{free_port()}/x")


def test_a_deep_home_has_its_socket_elsewhere_and_two_homes_never_share_one(tmp_path: Path) -> None:
    deep = Home(tmp_path / ("a" * 90))
    assert socket_folder(Home(Path("/srv/docusnap"))) == Path("/srv/docusnap/sockets")
    assert len(os.fsencode(socket_folder(deep))) < 90
    assert socket_folder(deep) != socket_folder(Home(tmp_path / ("b" * 90)))


def test_a_home_belongs_to_one_at_a_time(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert not home.live()
    lock = HomeLock(home)
    assert lock.acquire()
    assert home.live()
    second = HomeLock(home)
    assert not second.acquire()
    second.release()
    lock.release()
    assert not home.live()


def test_a_glance_at_a_home_does_not_keep_a_start_from_it(tmp_path: Path) -> None:
    lock = HomeLock(Home(tmp_path))
    with (tmp_path / "lock").open("wb") as glance:
        fcntl.flock(glance, fcntl.LOCK_SH)
        end = threading.Timer(0.1, fcntl.flock, (glance, fcntl.LOCK_UN))
        end.start()
        assert lock.acquire()
        end.join()
    lock.release()


def test_a_private_file_is_replaced_in_one_step_even_over_a_left_draft(tmp_path: Path) -> None:
    (tmp_path / ".key.new").write_text("half")
    (tmp_path / "key").write_text("old")
    (tmp_path / "key").chmod(0o644)
    write_private(tmp_path / "key", "new\n")
    assert (tmp_path / "key").read_text() == "new\n"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="cannot be written: Not a directory"):
        Home(tmp_path / "file" / "home").create()
