"""The table of stores × what was verified, from the reports of pytest; docs/stores.md must hold it.

    .venv/bin/python -m tests.system_tests.stores.table .cache/stores/juicefs .cache/stores/minio …

Ends with 1 where a document says otherwise than what was measured.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

DOCUMENT = Path(__file__).parents[3] / "docs" / "stores.md"
NAMES = {
    "juicefs": "JuiceFS gateway 1.4.2 (embedded)",
    "minio": "MinIO server, 7aac2a2c of 2026-02-12",
    "ceph": "Ceph RGW 16.2.15 (Debian 12)",
    "ministack": "ministack 1.5.33, an imitation of AWS",
}
# A column is a property that the tests recorded, or the tests that must have passed for a plain "yes".
TOLD = {"events": "events", "write-once": "second PUT", "versions": "versions", "cors": "CORS"}
PASSED: Mapping[str, Sequence[str]] = {
    "presigned PUT": ("test_a_presigned_put_is_seen_by_head", "test_any_content_type_is_signed", "test_an_upload_by_a_presigned_put"),
    "presigned POST": ("test_a_post_within_its_policy_arrives", "test_an_upload_by_a_presigned_post"),
    "If-Match": ("test_another_version_than_the_recorded_one", "test_an_object_that_was_overwritten_is_never_read"),
    "in parts": ("test_head_and_listing_tell_one_etag_of_an_object_in_parts", "test_a_foreign_object_with_an_odd_key_is_adopted[in_parts]"),
    "odd keys": ("test_a_foreign_key_of_any_letters", "test_a_foreign_object_with_an_odd_key_is_adopted[by_put]"),
}
COLUMNS = ("events", "presigned PUT", "presigned POST", "second PUT", "refused", "If-Match", "versions", "in parts", "odd keys", "CORS")


def cells(report: Path) -> dict[str, str]:
    """What one store's report says; "failed" where a test did."""
    passed: dict[str, bool] = {}
    told: dict[str, list[str]] = defaultdict(list)
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  pytest's own file
        passed[case.get("name", "")] = not {child.tag for child in case} & {"failure", "error", "skipped"}
        for found in case.iter("property"):
            told[found.get("name", "")].append(found.get("value", ""))
    row = {column: " ".join(told[name]) or "failed" for name, column in TOLD.items()}
    row |= {column: _yes(passed, tests) for column, tests in PASSED.items()}
    return {**row, "refused": f"{told['refused'].count('yes')} of {len(told['refused'])}"}


def _yes(passed: Mapping[str, bool], tests: Sequence[str]) -> str:
    found = [[ok for name, ok in passed.items() if name.startswith(test)] for test in tests]
    return "yes" if all(oks and all(oks) for oks in found) else "failed"


def table(reports: Sequence[Path]) -> str:
    rows = {report.stem: cells(report) for report in reports}
    lines = ["| store | " + " | ".join(COLUMNS) + " |", "|" + "---|" * (len(COLUMNS) + 1)]
    lines += [f"| {NAMES[name]} | " + " | ".join(row[column] for column in COLUMNS) + " |" for name, row in rows.items()]
    return "\n".join(lines)


def main(reports: Sequence[Path]) -> int:
    measured = table(reports)
    sys.stdout.write(f"\n{measured}\n")
    written = DOCUMENT.read_text("utf-8")
    wrong = [line for line in measured.splitlines() if line not in written.splitlines()]
    if wrong:
        sys.stderr.write("docs/stores.md does not hold:\n" + "\n".join(wrong) + "\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main([Path(f"{name}.xml") for name in sys.argv[1:]]))
