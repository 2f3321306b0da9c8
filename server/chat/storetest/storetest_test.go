package storetest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"parley/server/chat/storetest"
	"parley/shared/chat"
)

// A checker that finds nothing proves nothing: here it has to find what was put in.
func TestCheckLogFindsFaults(t *testing.T) {
	m := func(seq int64, sender chat.UserID, id string) chat.Message {
		return chat.Message{Seq: seq, ID: id, From: chat.Member{ID: sender}}
	}
	for _, c := range []struct {
		name string
		log  []chat.Message
		want string
	}{
		{"empty", nil, ""},
		{"good", []chat.Message{m(1, "a", "x"), m(2, "b", "x"), m(3, "a", "y")}, ""},
		{"hole", []chat.Message{m(1, "a", "x"), m(3, "a", "y")}, "message 2 of the log has number 3"},
		{"late start", []chat.Message{m(2, "a", "x")}, "message 1 of the log has number 2"},
		{"repeated number", []chat.Message{m(1, "a", "x"), m(1, "a", "y")}, "message 2 of the log has number 1"},
		{"swapped", []chat.Message{m(2, "a", "x"), m(1, "a", "y")}, "message 1 of the log has number 2"},
		{"draft stored twice", []chat.Message{m(1, "a", "x"), m(2, "a", "x")}, "draft x of a is stored as 1 and as 2"},
	} {
		err := storetest.CheckLog(c.log)
		if c.want == "" {
			assert.NoError(t, err, c.name)
			continue
		}
		assert.EqualError(t, err, c.want, c.name)
	}
}
