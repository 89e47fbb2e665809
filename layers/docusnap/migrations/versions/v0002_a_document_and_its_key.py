"""The question that is asked most, as a function: its plan is kept, where a statement's is made anew each time it comes.

Planning was most of what a status read cost the database. A session's prepared statement would do the same, but PgBouncer in
transaction mode has no sessions to keep it in.
"""

from collections.abc import Sequence

from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# One row of a key in use, or two where a document's newest revision is not the one that is served: the served one first. No document's
# columns where the key's tenant has no such document. A plan that was made while the tables were small must not scan them when they are
# large: without statistics nothing would have it made anew.
DOCUMENT_OF_KEY = """
CREATE FUNCTION document_of_key(secret_hash text, wanted text) RETURNS TABLE (
    key_id api_key.id%TYPE,
    key_tenant api_key.tenant_id%TYPE,
    scopes api_key.scopes%TYPE,
    id document.id%TYPE,
    tenant_id document.tenant_id%TYPE,
    filename document.filename%TYPE,
    content_type document.content_type%TYPE,
    bucket document.bucket%TYPE,
    key document.key%TYPE,
    origin document.origin%TYPE,
    upload_expires_at document.upload_expires_at%TYPE,
    created_at document.created_at%TYPE,
    number revision.number%TYPE,
    status revision.status%TYPE,
    pages_total revision.pages_total%TYPE,
    pages_done revision.pages_done%TYPE,
    pages_failed revision.pages_failed%TYPE,
    error revision.error%TYPE,
    etag revision.etag%TYPE,
    updated_at revision.updated_at%TYPE
)
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT
        a.id, a.tenant_id, a.scopes,
        d.id, d.tenant_id, d.filename, d.content_type, d.bucket, d.key, d.origin, d.upload_expires_at, d.created_at,
        r.number, r.status, r.pages_total, r.pages_done, r.pages_failed, r.error, r.etag, r.updated_at
    FROM api_key AS a
    LEFT JOIN (document AS d JOIN revision AS r ON r.document_id = d.id AND (r.served OR r.newest))
        ON d.id = wanted AND d.tenant_id = a.tenant_id AND d.deleted_at IS NULL
    WHERE a.hash = secret_hash AND a.revoked_at IS NULL
    ORDER BY r.number;
END $$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(DOCUMENT_OF_KEY)
