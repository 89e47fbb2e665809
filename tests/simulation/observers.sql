-- What must hold at every commit, watched where nothing can get round it. Observers only: they note, and change nothing.
CREATE SCHEMA sim;

-- Stands before pg_catalog's in the search path: the ledger's time is the simulator's.
CREATE FUNCTION sim.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT current_setting('sim.now')::timestamptz $$;
CREATE FUNCTION sim.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT current_setting('sim.now')::timestamptz $$;

CREATE TABLE sim.violation (id serial, what text NOT NULL);
CREATE TABLE sim.burial (document_id text NOT NULL, at timestamptz NOT NULL, finished_at timestamptz, running boolean NOT NULL);
-- What an operator had done again: the failures that it had, and whether it was served then.
CREATE TABLE sim.redriven (revision_id bigint NOT NULL, page integer NOT NULL, failures integer NOT NULL, served boolean NOT NULL);

CREATE FUNCTION sim.note(what text) RETURNS void LANGUAGE sql AS $$ INSERT INTO sim.violation (what) VALUES (what) $$;
