-- The tables of the SQLite store, format 2.
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    meta TEXT NOT NULL -- JSON
) STRICT;
CREATE TABLE blocks (
    run_id TEXT NOT NULL,
    experiment TEXT NOT NULL,
    round INTEGER NOT NULL,
    block INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    receipt TEXT, -- JSON; null until the block is done
    reservation INTEGER, -- nano-dollars; null where the attempt has none (any more)
    refused INTEGER NOT NULL DEFAULT 0, -- 1: the spend limit had no room for it
    PRIMARY KEY (run_id, experiment, round, block)
) STRICT;
CREATE TABLE spend (
    run_id TEXT PRIMARY KEY,
    spend TEXT NOT NULL -- JSON
) STRICT;
CREATE TABLE chunks (
    run_id TEXT NOT NULL,
    experiment TEXT NOT NULL,
    round INTEGER NOT NULL,
    block INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    packed BLOB NOT NULL, -- gzip of JSON lines
    PRIMARY KEY (run_id, experiment, round, block, attempt, chunk)
) STRICT;
CREATE TABLE metrics (
    run_id TEXT NOT NULL,
    experiment TEXT NOT NULL,
    round INTEGER NOT NULL,
    metrics TEXT NOT NULL, -- JSON
    PRIMARY KEY (run_id, experiment, round)
) STRICT;
