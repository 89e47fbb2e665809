"""Is it there, may it get requests, and does it say why not."""

from __future__ import annotations

from tests.conformance.world import World, check, eventually, problem, sentences

WEB = ("query", "upload", "intake")
ALL = (*WEB, "ocr", "sweep")


@check()
def every_function_answers_its_probes_without_a_key(world: World) -> None:
    for name in ALL:
        target = world.target(name)
        for path in ("/_/health", "/_/ready"):
            for method in ("GET", "HEAD"):
                assert target.probe(path, method) == 200, (name, path, method)


@check()
def every_function_tells_its_metrics(world: World) -> None:
    for name in ALL:
        scraped = world.target(name).get("/metrics")
        assert (scraped.status_code, "docusnap_http_requests_total" in scraped.text) == (200, True), name


@check()
def an_unknown_address_is_a_problem_document(world: World) -> None:
    for name in WEB:
        problem(world.target(name).get("/nowhere"), 404, "not_found")


@check()
def without_its_models_ocr_is_alive_and_not_ready(world: World) -> None:
    with world.serve("ocr", OCR_MODEL_DIR="/nonexistent") as target:
        assert (target.probe("/_/health"), target.probe()) == (200, 503)


@check()
def a_missing_database_takes_no_container_out_of_service(world: World) -> None:
    """All would leave at once, and a client would get the platform's answer instead of one that says when to come again."""
    with world.serve("query", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none") as target:
        assert target.probe() == 200
        answer = world.at(target).get("/v1/documents")
        problem(answer, 503, "database_unavailable")
        assert int(answer.headers["Retry-After"]) > 0


@check()
def told_to_stop_it_is_no_longer_ready(world: World) -> None:
    with world.serve("query") as target, target.prober() as ask:
        assert ask() == 200
        target.terminate()
        eventually(lambda: ask() == 503, 1, "it says so while the connection is kept")


@check()
def every_line_of_its_log_is_a_json_object(world: World) -> None:
    """From the server's first to its last: a collector takes a line of plain text, or of a traceback, for a message of its own."""
    with world.serve("query") as target:
        assert world.at(target).get("/v1/documents").status_code == 200
        target.terminate()
        target.ended()
        log = target.log.read_text()
    assert all(line.startswith("{") for line in log.splitlines()), log
    assert {"request", "Shutting down: Master"} <= set(sentences(log)), log


def _ends_with(world: World, said: str, **environ: str) -> None:
    status, log = world.run(**environ)
    assert status not in {0, None}, log
    assert [sentence for sentence in sentences(log) if said in sentence], log
    assert "Traceback" not in log, log


@check()
def an_unknown_or_missing_function_ends_the_container_with_one_sentence(world: World) -> None:
    _ends_with(world, "FUNCTION: 'nonsense' is not one of", FUNCTION="nonsense")
    _ends_with(world, "FUNCTION: '' is not one of", FUNCTION="")


@check()
def wrong_settings_end_the_container_with_one_sentence_each(world: World) -> None:
    _ends_with(world, "DATABASE_URL: the value given is not", FUNCTION="query", DATABASE_URL="mysql://x")
    _ends_with(world, "MAX_INFLIGHT: 'many' is not a whole number", FUNCTION="query", MAX_INFLIGHT="many")
    _ends_with(world, "EVENTS_TOKEN_FILE: /nonexistent cannot be read", FUNCTION="intake", EVENTS_TOKEN_FILE="/nonexistent")
    _ends_with(world, "PORT: 'http' is not a whole number.", FUNCTION="query", PORT="http")
