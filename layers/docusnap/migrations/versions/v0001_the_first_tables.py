"""Tenants, documents, revisions, work and content."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
TERMS = sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql")
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NOW = sa.func.now()


def upgrade() -> None:
    _tenants()
    _documents()
    _revisions()
    _work()
    _content()
    _housekeeping()


def _index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    """A partial index, on both kinds of database."""
    op.create_index(name, table, columns, unique=unique, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def _tenants() -> None:
    op.create_table(
        "tenant",
        sa.Column("id", sa.String(63), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("served_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_tenant"),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("scopes", sa.String(100), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("revoked_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_api_key_tenant_id"),
        sa.UniqueConstraint("hash", name="uq_api_key_hash"),
    )


def _documents() -> None:
    op.create_table(
        "document",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("bucket", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("request", sa.JSON),
        sa.Column("upload_expires_at", MOMENT),
        sa.Column("look_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("deleted_at", MOMENT),
        sa.Column("purged_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_document"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_document_tenant_id"),
    )
    _index("uq_document_bucket_key", "document", ["bucket", "key"], "purged_at IS NULL", unique=True)
    _index("ix_document_look_at", "document", ["look_at"], "look_at IS NOT NULL")
    _index("ix_document_purged_at", "document", ["purged_at"], "purged_at IS NOT NULL")


def _revisions() -> None:
    op.create_table(
        "revision",
        sa.Column("id", ROW_ID, nullable=False, autoincrement=True),
        sa.Column("document_id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("served", sa.Boolean, nullable=False),
        sa.Column("newest", sa.Boolean, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("ocr", sa.String(8), nullable=False),
        sa.Column("etag", sa.Text),
        sa.Column("version_id", sa.Text),
        sa.Column("sequencer", sa.Text),
        sa.Column("size", sa.BigInteger),
        sa.Column("pages_total", sa.Integer),
        sa.Column("pages_done", sa.Integer, nullable=False, server_default="0"),
        sa.Column("pages_failed", sa.Integer, nullable=False, server_default="0"),
        sa.Column("error", sa.JSON),
        sa.Column("dead_code", sa.String(64)),
        sa.Column("engine", sa.JSON),
        sa.Column("traceparent", sa.String(55)),
        sa.Column("updated_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("finished_at", MOMENT),
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revision"),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name="fk_revision_document_id"),
        sa.UniqueConstraint("document_id", "number", name="uq_revision_document_id_number"),
    )
    _index("uq_revision_served", "revision", ["document_id"], "served", unique=True)
    _index("uq_revision_newest", "revision", ["document_id"], "newest", unique=True)
    _index("uq_revision_running", "revision", ["document_id"], "finished_at IS NULL", unique=True)
    _index("ix_revision_list", "revision", ["tenant_id", "created_at", "document_id"], "served")
    _index("ix_revision_list_by_status", "revision", ["tenant_id", "status", "created_at", "document_id"], "served")
    _index("ix_revision_finished_at", "revision", ["finished_at"], "served")
    _index("ix_revision_dead", "revision", ["finished_at", "document_id"], "dead_code IS NOT NULL")
    _index("ix_revision_dead_of_tenant", "revision", ["tenant_id", "finished_at", "document_id"], "dead_code IS NOT NULL")
    _index("ix_revision_dead_by_code", "revision", ["dead_code", "finished_at", "document_id"], "dead_code IS NOT NULL")


def _work() -> None:
    op.create_table(
        "work",
        sa.Column("revision_id", sa.BigInteger, nullable=False),
        sa.Column("page", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lost", sa.Integer, nullable=False, server_default="0"),
        sa.Column("error", sa.JSON),
        sa.Column("rejected", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("revision_id", "page", name="pk_work"),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name="fk_work_revision_id", ondelete="CASCADE"),
    )
    _index("ix_work_due", "work", ["tenant_id", "due_at", "revision_id", "page"], "due_at IS NOT NULL")


def _content() -> None:
    op.create_table(
        "page_content",
        sa.Column("revision_id", sa.BigInteger, nullable=False),
        sa.Column("page", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("document_id", sa.String(32), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("terms", TERMS, nullable=False),
        sa.PrimaryKeyConstraint("revision_id", "page", name="pk_page_content"),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name="fk_page_content_revision_id", ondelete="CASCADE"),
    )
    op.create_index("ix_page_content_terms", "page_content", ["terms"], postgresql_using="gin")
    op.create_index("ix_page_content_newest", "page_content", ["tenant_id", "created_at", "document_id", "page"])


def _housekeeping() -> None:
    op.create_table(
        "idempotency",
        sa.Column("tenant_id", sa.String(63), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("document_id", sa.String(32), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("tenant_id", "key", name="pk_idempotency"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name="fk_idempotency_tenant_id"),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name="fk_idempotency_document_id"),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])
    op.create_index("ix_idempotency_document_id", "idempotency", ["document_id"])
    op.create_table(
        "parked_event",
        sa.Column("id", ROW_ID, nullable=False, autoincrement=True),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("bucket", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("etag", sa.Text),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("id", name="pk_parked_event"),
    )
    op.create_index("ix_parked_event_created_at", "parked_event", ["created_at"])
    op.create_table(
        "sweep_cursor",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("value", sa.Text),
        sa.Column("updated_at", MOMENT, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("name", name="pk_sweep_cursor"),
    )
