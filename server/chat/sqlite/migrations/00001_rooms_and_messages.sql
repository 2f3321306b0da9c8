-- +goose Up
CREATE TABLE rooms (
	num        INTEGER PRIMARY KEY,
	id         TEXT    NOT NULL UNIQUE,
	title      TEXT    NOT NULL,
	topic      TEXT    NOT NULL,
	created_at INTEGER NOT NULL,           -- unix milliseconds
	last_seq   INTEGER NOT NULL DEFAULT 0  -- number of the newest message
) STRICT;

-- A room's messages lie together in the order in which pages read them.
CREATE TABLE messages (
	room   INTEGER NOT NULL REFERENCES rooms (num),
	seq    INTEGER NOT NULL,
	sender TEXT    NOT NULL,
	draft  TEXT    NOT NULL,
	name   TEXT    NOT NULL,
	text   TEXT    NOT NULL,
	at     INTEGER NOT NULL,               -- unix milliseconds
	PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;

-- A draft is stored once.
CREATE UNIQUE INDEX messages_by_draft ON messages (sender, draft);

-- One row that Check writes.
CREATE TABLE health (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	at INTEGER NOT NULL
) STRICT;
INSERT INTO health (id, at) VALUES (1, 0);

-- +goose Down
DROP TABLE health;
DROP TABLE messages;
DROP TABLE rooms;
