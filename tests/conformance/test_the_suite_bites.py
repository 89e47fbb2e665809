"""Servers that break one rule each fail the checks of that rule, and pass one that has nothing to do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from docusnap.adapters.postgres.ledger import PostgresLedger

from tests.conformance import checks
from tests.conformance.checks import bodies, callers, endings, headers, limits, probes, sizes
from tests.conformance.homes import Home, process
from tests.conformance.world import Running, World

assert checks.__all__  # every check is known

Check = Callable[[World], None]
FAILURES = (AssertionError, requests.Timeout, requests.ConnectionError, ConnectionError)  # the latter where a caller is cut off

BAD: list[tuple[str, dict[str, str], Check, Check]] = [  # the server, what is set for it, what it must fail, what it must pass
    ("deaf_to_chunks", {}, bodies.a_chunked_body_is_the_same_as_a_whole_one, headers.the_authorization_decides_and_nothing_else),
    ("deaf_to_chunks", {}, bodies.an_event_of_the_store_may_come_in_chunks, probes.an_unknown_address_is_a_problem_document),
    (
        "without_a_limit",
        {"BAD": "without_a_limit"},
        limits.one_call_more_than_max_inflight_is_refused_at_once_and_probes_answer,
        bodies.a_chunked_body_is_the_same_as_a_whole_one,
    ),
    (
        "dying_at_once",
        {},
        endings.at_sigterm_a_call_in_flight_is_answered_and_the_container_ends_with_0,
        headers.the_authorization_decides_and_nothing_else,
    ),
    ("mixing_callers_up", {}, callers.no_caller_sees_anothers_answer, sizes.a_body_of_just_the_limit_is_taken_and_one_byte_more_is_not),
    (
        "believing_everyone",
        {},
        headers.a_link_names_the_forwarded_host_only_where_the_proxy_is_trusted,
        headers.the_authorization_decides_and_nothing_else,
    ),
    ("always_ready", {}, probes.without_its_models_ocr_is_alive_and_not_ready, probes.an_unknown_address_is_a_problem_document),
    ("talking", {}, probes.every_line_of_its_log_is_a_json_object, probes.an_unknown_address_is_a_problem_document),
    ("always_ready", {}, probes.told_to_stop_it_is_no_longer_ready, bodies.an_event_of_the_store_may_come_in_chunks),
    (
        "reading_whatever_comes",
        {"MAX_JSON_BYTES": "9000000"},
        sizes.a_body_of_three_megabytes_is_refused_and_the_next_call_is_fine,
        bodies.a_chunked_body_is_the_same_as_a_whole_one,
    ),
    (
        "deaf_to_sigterm",
        {},
        endings.at_sigterm_a_call_in_flight_is_answered_and_the_container_ends_with_0,
        headers.the_authorization_decides_and_nothing_else,
    ),
]


@pytest.fixture
def world_of(environ: Mapping[str, str], tmp_path: Path, ledger: PostgresLedger, database: sa.Engine) -> Iterator[Callable[[Home], World]]:
    """A home for one test, with functions of its own."""
    with ExitStack() as held:

        def start(home: Home) -> World:
            return World(Running(home, environ, tmp_path, held), ledger, database)

        yield start


@pytest.mark.parametrize(("name", "extra", "fails", "passes"), BAD, ids=[f"{name}: {fails.__name__}" for name, _, fails, _ in BAD])
def test_a_server_that_breaks_a_rule_fails_its_check_and_no_other(
    world_of: Callable[[Home], World], *, name: str, extra: dict[str, str], fails: Check, passes: Check
) -> None:
    bad = world_of(Home(name, launch=partial(process, app=f"tests.conformance.bad:{name}"), extra=extra))
    with pytest.raises(FAILURES):
        fails(bad)
    passes(bad)
