-- What format 2 has and format 1 had not.
ALTER TABLE blocks ADD COLUMN reservation INTEGER;
ALTER TABLE blocks ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
CREATE TABLE spend (
    run_id TEXT PRIMARY KEY,
    spend TEXT NOT NULL
) STRICT;
