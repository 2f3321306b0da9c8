package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	service "parley/server/chat"
	"parley/shared/chat"
)

// Rooms returns all rooms, the oldest first.
func (s *Store) Rooms(ctx context.Context) ([]chat.RoomInfo, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id, title, topic, last_seq FROM rooms ORDER BY num`)
	if err != nil {
		return nil, fmt.Errorf("list rooms: %w", reported(err))
	}
	defer rows.Close()
	var rooms []chat.RoomInfo
	for rows.Next() {
		var r chat.RoomInfo
		if err := rows.Scan(&r.ID, &r.Title, &r.Topic, &r.LastSeq); err != nil {
			return nil, fmt.Errorf("list rooms: %w", reported(err))
		}
		rooms = append(rooms, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list rooms: %w", reported(err))
	}
	return rooms, nil
}

// Room returns one room.
func (s *Store) Room(ctx context.Context, id chat.RoomID) (chat.RoomInfo, error) {
	r := chat.RoomInfo{ID: id}
	err := s.read.QueryRowContext(ctx, `SELECT title, topic, last_seq FROM rooms WHERE id = ?`, string(id)).
		Scan(&r.Title, &r.Topic, &r.LastSeq)
	if errors.Is(err, sql.ErrNoRows) {
		return chat.RoomInfo{}, fmt.Errorf("read room %s: %w", id, service.ErrNoRoom)
	} else if err != nil {
		return chat.RoomInfo{}, fmt.Errorf("read room %s: %w", id, reported(err))
	}
	return r, nil
}

// CreateRoom keeps a new room.
func (s *Store) CreateRoom(ctx context.Context, r chat.RoomInfo, at int64) error {
	done, err := s.write.ExecContext(ctx,
		`INSERT INTO rooms (id, title, topic, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		string(r.ID), r.Title, r.Topic, at)
	if err != nil {
		return fmt.Errorf("create room %s: %w", r.ID, reported(err))
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return fmt.Errorf("create room %s: %w", r.ID, errors.Join(service.ErrRoomExists, err))
	}
	return nil
}

// Check makes a durable write.
func (s *Store) Check(ctx context.Context) error {
	if _, err := s.write.ExecContext(ctx, `UPDATE health SET at = unixepoch()`); err != nil {
		return fmt.Errorf("check store: %w", reported(err))
	}
	return nil
}
