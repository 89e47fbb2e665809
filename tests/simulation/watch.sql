CREATE FUNCTION sim.watch_revision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    final CONSTANT text[] := '{succeeded,partial,failed,rejected,cancelled,expired}';
    legal boolean;
BEGIN
    legal := CASE OLD.status
        WHEN 'awaiting_upload' THEN NEW.status IN ('queued', 'cancelled', 'expired')
        WHEN 'expired' THEN NEW.status IN ('queued', 'awaiting_upload')
        WHEN 'queued' THEN NEW.status IN ('processing', 'failed', 'rejected', 'partial', 'cancelled')
        WHEN 'processing' THEN NEW.status IN ('succeeded', 'partial', 'failed', 'rejected', 'cancelled')
        WHEN 'failed' THEN NEW.status IN ('queued', 'processing') AND OLD.dead_code IS NOT NULL  -- redriven
        WHEN 'partial' THEN NEW.status = 'processing' AND OLD.dead_code IS NOT NULL
        ELSE FALSE
    END;
    IF NEW.status <> OLD.status AND NOT legal THEN
        PERFORM sim.note(format('revision %s of %s went from %s to %s', NEW.number, NEW.document_id, OLD.status, NEW.status));
    END IF;
    IF (NEW.finished_at IS NOT NULL) <> (NEW.status = ANY (final)) THEN
        PERFORM sim.note(format('revision %s of %s is %s and finished at %s', NEW.number, NEW.document_id, NEW.status, NEW.finished_at));
    END IF;
    IF NEW.dead_code IS NOT NULL AND (NEW.finished_at IS NULL OR NOT NEW.newest) THEN
        PERFORM sim.note(format('revision %s of %s is %s, newest %s, and a dead letter', NEW.number, NEW.document_id, NEW.status, NEW.newest));
    END IF;
    IF NEW.etag IS DISTINCT FROM OLD.etag AND OLD.etag IS NOT NULL THEN
        PERFORM sim.note(format('revision %s of %s changed its version from %s to %s', NEW.number, NEW.document_id, OLD.etag, NEW.etag));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER watch AFTER UPDATE ON revision FOR EACH ROW EXECUTE FUNCTION sim.watch_revision();

-- A fragment of a version that was overwritten takes no text's place, though the next version may soon take its.
CREATE FUNCTION sim.watch_served() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status IN ('succeeded', 'partial', 'cancelled') AND OLD.pages_done > 0 AND EXISTS (
        SELECT FROM revision WHERE document_id = OLD.document_id AND newest AND id <> OLD.id AND error->>'code' = 'object_changed'
    ) THEN
        PERFORM sim.note(format('a fragment took the place of revision %s of %s', OLD.number, OLD.document_id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER watch_served AFTER UPDATE ON revision FOR EACH ROW WHEN (OLD.served AND NOT NEW.served) EXECUTE FUNCTION sim.watch_served();

-- At each commit the counts a client reads are those of the rows; what was never served may have lost its rows.
CREATE FUNCTION sim.watch_counts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    it revision;
    found record;
BEGIN
    SELECT * INTO it FROM revision WHERE id = NEW.id;
    IF it.id IS NULL OR NOT (it.served OR it.newest) THEN
        RETURN NULL;
    END IF;
    SELECT count(*) FILTER (WHERE state = 'succeeded') AS done, count(*) FILTER (WHERE state = 'failed') AS failed, count(*) AS total
      INTO found FROM work WHERE revision_id = it.id AND page > 0;
    IF (found.done, found.failed) <> (it.pages_done, it.pages_failed) OR it.pages_total <> found.total THEN
        PERFORM sim.note(format('revision %s of %s counts %s done and %s failed of %s, its rows %s and %s of %s', it.number, it.document_id,
            it.pages_done, it.pages_failed, it.pages_total, found.done, found.failed, found.total));
    END IF;
    IF (SELECT count(*) FROM page_content WHERE revision_id = it.id) <> found.done THEN
        PERFORM sim.note(format('revision %s of %s has not one text for each of its %s pages', it.number, it.document_id, found.done));
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER watch_counts AFTER INSERT OR UPDATE ON revision
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION sim.watch_counts();

CREATE FUNCTION sim.watch_work() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    redriven boolean := OLD.state = 'failed' AND NEW.state = 'queued' AND NOT OLD.rejected AND (NEW.failures, NEW.lost) = (0, 0);
BEGIN
    IF redriven THEN
        INSERT INTO sim.redriven SELECT NEW.revision_id, NEW.page, OLD.failures, served FROM revision WHERE id = NEW.revision_id;
        RETURN NULL;
    END IF;
    IF NEW.state <> OLD.state AND OLD.state IN ('succeeded', 'failed', 'cancelled') THEN
        PERFORM sim.note(format('page %s of revision %s went from %s to %s', NEW.page, NEW.revision_id, OLD.state, NEW.state));
    END IF;
    IF NEW.attempt < OLD.attempt OR NEW.failures NOT IN (OLD.failures, OLD.failures + 1) OR NEW.lost NOT IN (OLD.lost, OLD.lost + 1) THEN
        PERFORM sim.note(format('the counts of page %s of revision %s went from %s to %s', NEW.page, NEW.revision_id,
            (OLD.attempt, OLD.failures, OLD.lost), (NEW.attempt, NEW.failures, NEW.lost)));
    END IF;
    IF (NEW.due_at IS NULL) <> (NEW.state IN ('succeeded', 'failed', 'cancelled')) THEN
        PERFORM sim.note(format('page %s of revision %s is %s and due at %s', NEW.page, NEW.revision_id, NEW.state, NEW.due_at));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER watch AFTER UPDATE ON work FOR EACH ROW EXECUTE FUNCTION sim.watch_work();

CREATE FUNCTION sim.watch_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' OR EXISTS (SELECT FROM revision WHERE id = NEW.revision_id AND finished_at IS NOT NULL) THEN
        PERFORM sim.note(format('the text of page %s of revision %s came or changed after its end', NEW.page, NEW.revision_id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER watch AFTER INSERT OR UPDATE ON page_content FOR EACH ROW EXECUTE FUNCTION sim.watch_text();

CREATE FUNCTION sim.watch_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.purged_at IS NULL THEN
            PERFORM sim.note(format('document %s was forgotten before its object was gone', OLD.id));
        END IF;
        RETURN NULL;
    END IF;
    IF OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL THEN
        INSERT INTO sim.burial SELECT NEW.id, now(), max(finished_at), bool_or(finished_at IS NULL) FROM revision WHERE document_id = NEW.id;
    ELSIF OLD.deleted_at IS DISTINCT FROM NEW.deleted_at OR (OLD.purged_at IS NOT NULL AND NEW.purged_at IS DISTINCT FROM OLD.purged_at) THEN
        PERFORM sim.note(format('the tombstone of document %s was changed', NEW.id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER watch AFTER UPDATE OR DELETE ON document FOR EACH ROW EXECUTE FUNCTION sim.watch_document();

-- A tombstone has nothing beside it at any commit.
CREATE FUNCTION sim.watch_tombstone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM document JOIN revision ON document_id = document.id WHERE document.id = NEW.document_id AND deleted_at IS NOT NULL) THEN
        PERFORM sim.note(format('the deleted document %s got revision %s', NEW.document_id, NEW.number));
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER watch_tombstone AFTER INSERT OR UPDATE ON revision
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION sim.watch_tombstone();
