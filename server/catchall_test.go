package server_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/event"
)

// What asks for an acknowledgement is an event like any other, to one socket or to many; the acknowledgement is none, in
// neither direction.
// Rows: L01 L02 M02 M08
func TestCatchAllAndAcknowledgements(t *testing.T) {
	f := start(t, server.Config{})
	p, s := f.join("/")
	q, other := f.join("/")
	var mu sync.Mutex
	var log []string // guarded by mu
	logged := func() []string {
		mu.Lock()
		defer mu.Unlock()
		list := log
		log = nil
		return list
	}
	note := func(who string) func(string, event.Args) {
		return func(name string, args event.Args) {
			mu.Lock()
			defer mu.Unlock()
			log = append(log, who+" "+name+" "+args.String(0))
		}
	}
	s.OnAny(note("in"))
	s.OnAnyOutgoing(note("out"))
	other.OnAnyOutgoing(note("other out"))
	f.OnAny(func(_ *server.Socket, name string, args event.Args) { note("in, all")(name, args) })
	f.OnAnyOutgoing(func(to *server.Socket, name string, args event.Args) {
		if to == s {
			note("out, all")(name, args)
		}
	})
	s.OnAck("echo", func(args event.Args, ack func(...any)) { ack(args...) })

	p.send(`20["echo","a"]`)
	p.expect(`30["a"]`)
	p.silent(s)
	require.Equal(t, []string{"in, all echo a", "in echo a", "out, all __marker ", "out __marker "}, logged())

	answered := make(chan struct{})
	go func() {
		defer close(answered)
		args, err := s.EmitAck(t.Context(), "ask", "b")
		assert.NoError(t, err)
		assert.Equal(t, "yes", args.String(0))
	}()
	p.expect(`20["ask","b"]`)
	p.send(`30["yes"]`)
	await(t, answered)
	require.Equal(t, []string{"out, all ask b", "out ask b"}, logged())

	answered = make(chan struct{})
	go func() {
		defer close(answered)
		for _, err := range f.EmitAck(t.Context(), "ask all", "c") {
			assert.NoError(t, err)
		}
	}()
	for _, client := range []*peer{p, q} {
		client.expect(`21["ask all","c"]`)
		client.send(`31["yes"]`)
	}
	await(t, answered)
	p.send(`22["echo","d"]`) // an acknowledgement that was handled later would be seen by now
	p.expect(`32["d"]`)
	require.ElementsMatch(t, []string{"out, all ask all c", "out ask all c", "other out ask all c", "in, all echo d", "in echo d"}, logged())
}
