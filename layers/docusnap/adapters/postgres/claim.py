"""The claims: one statement that finds, leases and returns the next due unit of work."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from docusnap import ledger
from docusnap.adapters.postgres.database import Row
from docusnap.adapters.postgres.schema import document, revision, tenant, work
from docusnap.model import ObjectVersion, OcrMode, Work, WorkState

_now = sa.func.now()


def _chosen() -> sa.CTE:
    """Locks one row of `work`, and nothing else of its document.

    Tenants are walked in the order in which they were served, the longest ago first, and the walk ends at the first that has due work
    which nobody else is claiming. Due is also a lease that ran out.
    """
    turn = sa.select(tenant.c.id).order_by(tenant.c.served_at.asc().nulls_first(), tenant.c.id).subquery("turn")
    due = (
        sa.select(work.c.revision_id, work.c.page)
        .where(work.c.tenant_id == turn.c.id, work.c.due_at <= _now)
        .order_by(work.c.due_at, work.c.revision_id, work.c.page)
        .limit(1)
        .with_for_update(skip_locked=True)
        .lateral("due")
    )
    return sa.select(turn.c.id, due.c.revision_id, due.c.page).select_from(turn.join(due, sa.true())).limit(1).cte("chosen")


def _own() -> sa.CTE:
    """Locks the first due page of one revision."""
    page = sa.select(work.c.tenant_id.label("id"), work.c.revision_id, work.c.page)
    due = page.where(work.c.revision_id == sa.bindparam("revision"), work.c.due_at <= _now).order_by(work.c.page).limit(1)
    return due.with_for_update(skip_locked=True).cte("chosen")


def _leased(chosen: sa.CTE) -> sa.CTE:
    lease = {
        "state": WorkState.PROCESSING,
        "due_at": _now + ledger.LEASE,
        "attempt": work.c.attempt + 1,
        "lost": work.c.lost + sa.case((work.c.state == WorkState.PROCESSING, 1), else_=0),
    }
    mine = (work.c.revision_id == chosen.c.revision_id) & (work.c.page == chosen.c.page)
    told = (work.c.revision_id, work.c.page, work.c.attempt, work.c.failures, work.c.lost)
    return sa.update(work).where(mine).values(lease).returning(*told).cte("leased")


def _claim(chosen: sa.CTE) -> sa.Select[Any]:
    leased = _leased(chosen)
    # Never taken back, and in order also where a claim waited for another of the same tenant.
    served = sa.update(tenant).where(tenant.c.id == chosen.c.id).values(served_at=sa.func.clock_timestamp()).cte("served")
    of_revision = ("status", "ocr", "etag", "version_id", "sequencer", "size")
    of_document = ("tenant_id", "bucket", "key", "content_type", "request")
    return (
        sa.select(
            leased,
            document.c.id.label("document_id"),
            *(revision.c[name] for name in of_revision),
            *(document.c[name] for name in of_document),
        )
        .join_from(leased, revision, revision.c.id == leased.c.revision_id)
        .join(document, document.c.id == revision.c.document_id)
        .add_cte(served)
    )


CLAIM = _claim(_chosen())
CLAIM_OWN = _claim(_own())  # of the revision that is bound


def claimed(row: Row) -> Work:
    """A row of a claim."""
    version = ObjectVersion(row.bucket, row.key, row.etag, row.size, row.version_id, row.sequencer, row.content_type)
    return Work(
        revision_id=row.revision_id,
        page=row.page,
        attempt=row.attempt,
        failures=row.failures,
        document_id=row.document_id,
        tenant=row.tenant_id,
        object=version,
        ocr=OcrMode(row.ocr),
        sha256=(row.request or {}).get("sha256"),
    )
