package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	service "parley/server/chat"
	"parley/shared/chat"
)

// Append stores messages in one transaction.
func (s *Store) Append(ctx context.Context, messages []chat.Message) ([]service.Appended, error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("append messages: %w", reported(err))
	}
	defer tx.Rollback() // does nothing after the commit
	a := appender{tx: tx, rooms: make(map[chat.RoomID]*numbered, 1)}
	stored, err := a.append(ctx, messages)
	if err != nil {
		return nil, fmt.Errorf("append messages: %w", reported(err))
	}
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("append messages: commit: %w", reported(err))
	}
	return stored, nil
}

// appender is one transaction of Append. It reads each room once and writes its last number once.
type appender struct {
	tx     *sql.Tx
	insert *sql.Stmt
	rooms  map[chat.RoomID]*numbered // nil for a room that does not exist
}

type numbered struct {
	num       int64 // the room's key
	seq, kept int64 // the last number now, and as the table has it
}

func (a *appender) append(ctx context.Context, messages []chat.Message) (_ []service.Appended, err error) {
	a.insert, err = a.tx.PrepareContext(ctx, `
		INSERT INTO messages (room, seq, sender, draft, name, text, at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (sender, draft) DO NOTHING`)
	if err != nil {
		return nil, err
	}
	stored := make([]service.Appended, len(messages))
	for i, m := range messages {
		if stored[i], err = a.one(ctx, m); err != nil {
			return nil, err
		}
	}
	for _, r := range a.rooms {
		if r == nil || r.seq == r.kept {
			continue
		}
		if _, err := a.tx.ExecContext(ctx, `UPDATE rooms SET last_seq = ? WHERE num = ?`, r.seq, r.num); err != nil {
			return nil, err
		}
	}
	return stored, nil
}

func (a *appender) one(ctx context.Context, m chat.Message) (service.Appended, error) {
	room, err := a.room(ctx, m.Room)
	if err != nil {
		return service.Appended{}, err
	}
	if room != nil {
		m.Seq = room.seq + 1
		done, err := a.insert.ExecContext(ctx, room.num, m.Seq, string(m.From.ID), m.ID, m.From.Name, m.Text, m.At)
		if err != nil {
			return service.Appended{}, err
		}
		if n, err := done.RowsAffected(); err != nil {
			return service.Appended{}, err
		} else if n == 1 {
			room.seq = m.Seq
			return service.Appended{Message: m}, nil
		}
	}
	first, err := a.first(ctx, m.From.ID, m.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return service.Appended{Err: service.ErrNoRoom}, nil
	}
	return service.Appended{Message: first, Again: true}, err
}

// room returns the state of a room in this transaction, nil when there is no such room.
func (a *appender) room(ctx context.Context, id chat.RoomID) (*numbered, error) {
	if r, known := a.rooms[id]; known {
		return r, nil
	}
	r := &numbered{}
	err := a.tx.QueryRowContext(ctx, `SELECT num, last_seq FROM rooms WHERE id = ?`, string(id)).Scan(&r.num, &r.seq)
	if errors.Is(err, sql.ErrNoRows) {
		r = nil
	} else if err != nil {
		return nil, err
	} else {
		r.kept = r.seq
	}
	a.rooms[id] = r
	return r, nil
}

// first returns the message that a sender stored under an id.
func (a *appender) first(ctx context.Context, sender chat.UserID, draft string) (chat.Message, error) {
	return scan(a.tx.QueryRowContext(ctx, columns+` WHERE m.sender = ? AND m.draft = ?`, string(sender), draft))
}

const columns = `SELECT m.draft, r.id, m.seq, m.sender, m.name, m.text, m.at FROM messages m JOIN rooms r ON r.num = m.room`

const (
	forward  = columns + ` WHERE r.id = ? AND m.seq > ? ORDER BY m.seq LIMIT ?`
	backward = columns + ` WHERE r.id = ? AND m.seq > ? AND m.seq < ? ORDER BY m.seq DESC LIMIT ?`
)

func scan(row interface{ Scan(...any) error }) (m chat.Message, err error) {
	err = row.Scan(&m.ID, &m.Room, &m.Seq, &m.From.ID, &m.From.Name, &m.Text, &m.At)
	return m, err
}

// Messages returns a stretch of a room.
func (s *Store) Messages(ctx context.Context, r service.Range) ([]chat.Message, error) {
	query, args := forward, []any{string(r.Room), r.After, r.Limit}
	if r.Before > 0 {
		query, args = backward, []any{string(r.Room), r.After, r.Before, r.Limit}
	}
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read messages of %s: %w", r.Room, reported(err))
	}
	defer rows.Close()
	var messages []chat.Message
	for rows.Next() {
		m, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read messages of %s: %w", r.Room, reported(err))
		}
		messages = append(messages, m)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read messages of %s: %w", r.Room, reported(err))
	}
	if r.Before > 0 {
		slices.Reverse(messages)
	}
	return messages, nil
}
