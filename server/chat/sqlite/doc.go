// Package sqlite keeps the chat in one SQLite file, with no C and no server.
//
// Durability: the write-ahead log is synced before a transaction counts as committed (journal_mode=WAL,
// synchronous=FULL), so what Append has returned survives kill -9 and, as far as the disk tells the truth, a power
// cut. A full disk fails writes with ErrUnavailable, reads go on, and writes work again when there is space.
//
// There is one connection that writes and a small pool that reads; readers see the last committed state and never
// wait for the writer. The schema is brought up to date by the migrations embedded here when the file is opened.
// One process at a time should use a file; a second one works but they take turns slowly.
package sqlite
