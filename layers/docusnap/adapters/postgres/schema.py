"""The tables, as SQLAlchemy Core sees them; `migrations/` builds the same, and a test holds the two equal.

Locks are taken in one order: document, then its revisions, then its work. `claim` alone starts at a work row, and touches nothing else
of the document in that transaction. Types are those that SQLite has too, by variant where need be.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

HEAD = "0002"  # the newest migration; kept here since functions do not ship Alembic. Ids sort as text, so "older" is "less".

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Moment = sa.DateTime(timezone=True)
Terms = sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql")
RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
now = sa.func.now()

tenant = sa.Table(
    "tenant",
    metadata,
    sa.Column("id", sa.String(63), primary_key=True),
    sa.Column("created_at", Moment, nullable=False, server_default=now),
    # Fairness: the next claim goes to the tenant with due work that was served longest ago.
    sa.Column("served_at", Moment),
)

api_key = sa.Table(
    "api_key",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("tenant_id", sa.ForeignKey("tenant.id"), nullable=False),
    sa.Column("scopes", sa.String(100), nullable=False),  # separated by spaces
    sa.Column("hash", sa.String(64), nullable=False, unique=True),  # sha256 of the secret, which has 256 random bits of its own
    sa.Column("created_at", Moment, nullable=False, server_default=now),
    sa.Column("revoked_at", Moment),
)

document = sa.Table(
    "document",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("tenant_id", sa.ForeignKey("tenant.id"), nullable=False),
    sa.Column("filename", sa.Text, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("bucket", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("origin", sa.String(16), nullable=False),  # upload | foreign
    sa.Column("request", sa.JSON),  # the upload request as made: method, size, sha256, ocr
    sa.Column("upload_expires_at", Moment),
    sa.Column("look_at", Moment),  # when sweep next asks the store about this upload, or removes this tombstone's object; null: never
    sa.Column("created_at", Moment, nullable=False, server_default=now),
    sa.Column("deleted_at", Moment),  # a tombstone: filename, request and all text are gone
    sa.Column("purged_at", Moment),  # the store confirmed that the tombstone's object is gone, after its upload URL had run out
    # One living document a key; a foreign key may come back once its tombstone has done its work.
    sa.Index(
        "uq_document_bucket_key",
        "bucket",
        "key",
        unique=True,
        postgresql_where=sa.text("purged_at IS NULL"),
        sqlite_where=sa.text("purged_at IS NULL"),
    ),
    sa.Index(
        "ix_document_look_at", "look_at", postgresql_where=sa.text("look_at IS NOT NULL"), sqlite_where=sa.text("look_at IS NOT NULL")
    ),
    sa.Index(
        "ix_document_purged_at",
        "purged_at",
        postgresql_where=sa.text("purged_at IS NOT NULL"),
        sqlite_where=sa.text("purged_at IS NOT NULL"),
    ),
)

revision = sa.Table(
    "revision",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("document_id", sa.ForeignKey("document.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),  # from 1
    sa.Column("served", sa.Boolean, nullable=False),  # what status, content and search speak of
    sa.Column("newest", sa.Boolean, nullable=False),  # the one of the highest number; running, or the last that ended
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("ocr", sa.String(8), nullable=False),
    # The object version; null until it was seen.
    sa.Column("etag", sa.Text),
    sa.Column("version_id", sa.Text),
    sa.Column("sequencer", sa.Text),
    sa.Column("size", sa.BigInteger),
    sa.Column("pages_total", sa.Integer),
    sa.Column("pages_done", sa.Integer, nullable=False, server_default="0"),
    sa.Column("pages_failed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("error", sa.JSON),  # {"code","message","page"?}
    # The code of the first work that ran out of its retries, once the newest revision has ended with it; null: no dead letter.
    sa.Column("dead_code", sa.String(64)),
    sa.Column("engine", sa.JSON),  # {"name","version","models"}
    sa.Column("traceparent", sa.String(55)),
    sa.Column("updated_at", Moment, nullable=False, server_default=now),
    sa.Column("finished_at", Moment),
    # The document's own, repeated so that a list by status reads one index.
    sa.Column("tenant_id", sa.String(63), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.UniqueConstraint("document_id", "number"),
    sa.Index("uq_revision_served", "document_id", unique=True, postgresql_where=sa.text("served"), sqlite_where=sa.text("served")),
    sa.Index("uq_revision_newest", "document_id", unique=True, postgresql_where=sa.text("newest"), sqlite_where=sa.text("newest")),
    sa.Index(
        "uq_revision_running",
        "document_id",
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
        sqlite_where=sa.text("finished_at IS NULL"),
    ),
    sa.Index(
        "ix_revision_list", "tenant_id", "created_at", "document_id", postgresql_where=sa.text("served"), sqlite_where=sa.text("served")
    ),
    sa.Index(
        "ix_revision_list_by_status",
        "tenant_id",
        "status",
        "created_at",
        "document_id",
        postgresql_where=sa.text("served"),
        sqlite_where=sa.text("served"),
    ),
    sa.Index("ix_revision_finished_at", "finished_at", postgresql_where=sa.text("served"), sqlite_where=sa.text("served")),
    *(
        sa.Index(
            name,
            *columns,
            "finished_at",
            "document_id",
            postgresql_where=sa.text("dead_code IS NOT NULL"),
            sqlite_where=sa.text("dead_code IS NOT NULL"),
        )
        for name, columns in (
            ("ix_revision_dead", ()),
            ("ix_revision_dead_of_tenant", ("tenant_id",)),
            ("ix_revision_dead_by_code", ("dead_code",)),
        )
    ),
)

work = sa.Table(
    "work",
    metadata,
    sa.Column("revision_id", sa.ForeignKey("revision.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("page", sa.Integer, primary_key=True, autoincrement=False),  # 0 is the split; pages count from 1
    sa.Column("tenant_id", sa.String(63), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("due_at", Moment),  # queued: when it may be claimed; processing: when the lease runs out; null: finished
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),  # only the fence
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),  # reported by a living worker
    sa.Column("lost", sa.Integer, nullable=False, server_default="0"),  # leases that ran out
    sa.Column("error", sa.JSON),  # the last one reported; final where the state is failed
    sa.Column("rejected", sa.Boolean, nullable=False, server_default=sa.false()),  # it failed because the input can never work
    sa.Index(
        "ix_work_due",
        "tenant_id",
        "due_at",
        "revision_id",
        "page",
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    ),
)

page_content = sa.Table(
    "page_content",
    metadata,
    sa.Column("revision_id", sa.ForeignKey("revision.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("page", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("tenant_id", sa.String(63), nullable=False),
    sa.Column("document_id", sa.String(32), nullable=False),
    sa.Column("created_at", Moment, nullable=False),  # the document's own: search lists the newest first
    sa.Column("body", sa.JSON, nullable=False),  # the recognised page as the contract writes it, less text and status
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("terms", Terms, nullable=False),
    sa.Index("ix_page_content_terms", "terms", postgresql_using="gin"),
    sa.Index("ix_page_content_newest", "tenant_id", "created_at", "document_id", "page"),
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("tenant.id"), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),  # sha256 of the request
    sa.Column("document_id", sa.ForeignKey("document.id"), nullable=False),
    sa.Column("created_at", Moment, nullable=False, server_default=now),
    sa.Index("ix_idempotency_created_at", "created_at"),
    sa.Index("ix_idempotency_document_id", "document_id"),
)

parked_event = sa.Table(
    "parked_event",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("code", sa.String(64), nullable=False),
    sa.Column("bucket", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("etag", sa.Text),
    sa.Column("created_at", Moment, nullable=False, server_default=now),
    sa.Index("ix_parked_event_created_at", "created_at"),
)

sweep_cursor = sa.Table(
    "sweep_cursor",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("value", sa.Text),
    sa.Column("updated_at", Moment, nullable=False, server_default=now),
)
