package sqlite

import (
	"context"
	"strings"
)

const (
	ForwardQuery  = forward
	BackwardQuery = backward
)

// Pragma reads a setting on the writing and on a reading connection.
func (s *Store) Pragma(ctx context.Context, name string) []string {
	values := make([]string, 2)
	for i, row := range []interface{ Scan(...any) error }{
		s.write.QueryRowContext(ctx, "PRAGMA "+name), s.read.QueryRowContext(ctx, "PRAGMA "+name),
	} {
		if err := row.Scan(&values[i]); err != nil {
			values[i] = err.Error()
		}
	}
	return values
}

// Plan returns how SQLite would run a query, with NULL for its parameters.
func (s *Store) Plan(ctx context.Context, query string) string {
	rows, err := s.read.QueryContext(ctx, "EXPLAIN QUERY PLAN "+strings.ReplaceAll(query, "?", "NULL"))
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return err.Error()
		}
		plan = append(plan, detail)
	}
	return strings.Join(plan, "\n")
}
