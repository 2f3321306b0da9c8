package server_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/event"
)

// Rows: M01 M20 M05 B08
func TestEmitForms(t *testing.T) {
	f := start(t, server.Config{})
	p, s := f.join("/")
	require.NoError(t, s.Emit("hello", 1, "2", map[string]any{"3": []string{"4"}, "5": []byte{6}}, nil, true))
	p.expect(`51-["hello",1,"2",{"3":["4"],"5":{"_placeholder":true,"num":0}},null,true]`, "b:\x06")
	require.NoError(t, s.Emit("nothing"))
	require.NoError(t, s.Emit("message", "as send() does"))
	require.NoError(t, f.Emit("message", "to all"))
	require.NoError(t, f.Namespace.Emit("message", "to all"))
	require.NoError(t, s.Emit("<&>é", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
	p.expect(`2["nothing"]`, `2["message","as send() does"]`, `2["message","to all"]`, `2["message","to all"]`, `2["<&>é","2026-01-02T03:04:05Z"]`)

	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
		require.ErrorIs(t, s.Emit(name), server.ErrReserved)
		require.ErrorIs(t, f.Emit(name), server.ErrReserved)
	}
	require.Error(t, s.Emit("x", make(chan int)))
	p.silent(s)

	p.close()
	<-s.Context().Done()
	require.ErrorIs(t, s.Emit("late"), server.ErrDisconnected)
	require.ErrorIs(t, s.Join("late"), server.ErrDisconnected)
}

// Rows: M06 M07 M10 M11 M12 M13 R02 R09
func TestBroadcast(t *testing.T) {
	f := start(t, server.Config{})
	f.Of(event.NewNamespace("/other"))
	peers, socks := map[string]*peer{}, map[string]*server.Socket{}
	for _, name := range []string{"a", "b", "c", "d"} {
		peers[name], socks[name] = f.join("/")
	}
	other, _ := f.join("/other")
	a, b, c := socks["a"], socks["b"], socks["c"]
	require.NoError(t, a.Join("r1"))
	require.NoError(t, b.Join("r1", "r2"))
	require.NoError(t, c.Join("r2"))
	id := func(name string) event.Room { return event.Room(socks[name].ID()) }

	n := 0
	reaches := func(to server.Emitter, names ...string) {
		t.Helper()
		n++
		text := fmt.Sprint("packet ", n)
		var err error
		switch to := to.(type) {
		case server.Target:
			err = to.Emit("e", text)
		case *server.Server:
			err = to.Emit("e", text)
		case *server.Namespace:
			err = to.Emit("e", text)
		}
		require.NoError(t, err)
		for name, p := range peers {
			for _, wanted := range names {
				if wanted == name {
					p.expect(`2["e","` + text + `"]`)
				}
			}
			p.silent(socks[name])
		}
	}
	reaches(f.Server, "a", "b", "c", "d")
	reaches(f.Of(event.NewNamespace("")), "a", "b", "c", "d")
	reaches(a.Broadcast(), "b", "c", "d")
	reaches(f.To("r1"), "a", "b")
	reaches(f.To("r1", "r2"), "a", "b", "c")
	reaches(f.To("r1").To("r2").Except("r1"), "c")
	reaches(f.Except("r1"), "c", "d")
	reaches(f.To(id("d")), "d")
	reaches(f.To(id("d"), "r1").Except(id("a")), "b", "d")
	reaches(f.Except(id("a"), id("b")), "c", "d")
	reaches(f.To("nobody"))
	reaches(f.To("r1").Local(), "a", "b")
	reaches(a.To("r1"), "b")
	reaches(a.To(id("a")))
	reaches(a.Except("r2"), "d")
	reaches(a.Local(), "b", "c", "d")
	reaches(a.To("r1", "r2").Except(id("c")).NoCompress(), "b")
	reaches(f.To("r1").To(id("a")), "a", "b")
	require.NoError(t, a.Join(id("d"))) // a socket in another one's own room
	reaches(f.To(id("d")), "a", "d")
	reaches(f.To(id("d"), "r1"), "a", "b", "d")
	a.Leave(id("d"))
	reaches(f.To(id("d")), "d")

	stored := f.To("r1")
	reaches(stored.Except("r2"), "a")
	reaches(stored.To("r2"), "a", "b", "c")
	reaches(stored, "a", "b")

	require.NoError(t, other.ws.Close(1000, ""))
}

// Rows: M22
func TestOrderOnOneSocket(t *testing.T) {
	f := start(t, server.Config{})
	p, s := f.join("/")
	q, _ := f.join("/")
	require.NoError(t, s.Join("r"))
	const rounds = 100 // as much as fits a connection's queue
	go func() {
		for i := range rounds {
			assert.NoError(t, s.Emit("direct", i))
			assert.NoError(t, f.Emit("all", i, []byte{1}))
			assert.NoError(t, f.To("r").Emit("room", i))
		}
	}()
	for i := range rounds {
		p.expect(
			fmt.Sprintf(`2["direct",%d]`, i),
			fmt.Sprintf(`51-["all",%d,{"_placeholder":true,"num":0}]`, i), "b:\x01",
			fmt.Sprintf(`2["room",%d]`, i))
		q.expect(fmt.Sprintf(`51-["all",%d,{"_placeholder":true,"num":0}]`, i), "b:\x01")
	}
}

// An acknowledgement takes its place among what the handler emits before and after it, to this socket or to many:
// a broadcast that waits for the flusher is not overtaken.
// Rows: M22
func TestOrderOfAcksAndBroadcasts(t *testing.T) {
	f := start(t, server.Config{})
	p, s := f.join("/")
	require.NoError(t, s.Join("r"))
	s.OnAck("ask", func(args event.Args, ack func(...any)) {
		assert.NoError(t, f.Emit("all", args...))
		ack(args...)
		assert.NoError(t, f.To("r").Emit("room", args...))
		assert.NoError(t, s.Emit("direct", args...))
	})
	const rounds = 100
	for i := range rounds {
		p.send(fmt.Sprintf(`2%d["ask",%d]`, i, i))
	}
	for i := range rounds {
		p.expect(
			fmt.Sprintf(`2["all",%d]`, i), fmt.Sprintf(`3%d[%d]`, i, i),
			fmt.Sprintf(`2["room",%d]`, i), fmt.Sprintf(`2["direct",%d]`, i))
	}
}

// Rows: M02 M03 L04
func TestEmitAck(t *testing.T) {
	f := start(t, server.Config{})
	p, s := f.join("/")
	answer := make(chan event.Args, 1)
	go func() {
		args, err := s.EmitAck(t.Context(), "ask", "q")
		assert.NoError(t, err)
		answer <- args
	}()
	p.expect(`20["ask","q"]`)
	p.send(`399["unknown id"]`)
	p.send(`30["yes",{"a":1},null]`)
	p.send(`30["again"]`)
	args := await(t, answer)
	require.Len(t, args, 3)
	require.Equal(t, "yes", args.String(0))

	go func() { // the same with attachments
		args, err := s.EmitAck(t.Context(), "ask", []byte{1, 2})
		assert.NoError(t, err)
		answer <- args
	}()
	p.expect(`51-1["ask",{"_placeholder":true,"num":0}]`, "b:\x01\x02")
	p.send(`61-1[{"_placeholder":true,"num":0}]`)
	p.sendBinary(7, 8)
	require.Equal(t, []byte{7, 8}, await(t, answer).Bytes(0))
}

// Rows: M02 M03 M04
func TestAckFailsAtDisconnect(t *testing.T) {
	f := start(t, server.Config{AckTimeout: time.Hour})
	p, s := f.join("/")
	failed := make(chan error, 1)
	go func() {
		_, err := s.EmitAck(context.Background(), "ask")
		failed <- err
	}()
	p.expect(`20["ask"]`)
	p.close()
	require.ErrorIs(t, await(t, failed), server.ErrDisconnected)
	_, err := s.EmitAck(t.Context(), "ask")
	require.ErrorIs(t, err, server.ErrDisconnected)
}

// Rows: M04 M23
func TestAckTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, server.Config{AckTimeout: 3 * time.Second})
		p, s := f.join("/")
		begin := time.Now()
		_, err := s.EmitAck(t.Context(), "ask")
		require.ErrorIs(t, err, server.ErrAckTimeout)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, event.CodeTimeout, event.CodeOf(err))
		require.Equal(t, 3*time.Second, time.Since(begin))

		begin = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = s.EmitAck(ctx, "ask")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(begin))

		begin = time.Now()
		for _, err := range s.Timeout(2*time.Second).EmitAck(t.Context(), "ask") {
			require.ErrorIs(t, err, server.ErrAckTimeout)
		}
		require.Equal(t, 2*time.Second, time.Since(begin))

		list, err := f.Fetch(t.Context())
		require.NoError(t, err)
		begin = time.Now()
		for _, err := range list[0].Timeout(2*time.Second).EmitAck(t.Context(), "ask") {
			require.ErrorIs(t, err, server.ErrAckTimeout)
		}
		require.Equal(t, 2*time.Second, time.Since(begin))

		p.expect(`20["ask"]`, `21["ask"]`, `22["ask"]`, `23["ask"]`)
		p.send(`30["late"]`) // ignored
		p.silent(s)
	})
}

// Rows: M08 M09 M14
func TestBroadcastAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, server.Config{})
		p1, s1 := f.join("/")
		p2, s2 := f.join("/")
		p3, s3 := f.join("/")
		for range f.To("nobody").EmitAck(t.Context(), "ask") {
			t.Error("zero clients give no answer")
		}
		p4, s4 := f.join("/")
		answers, failures := map[string]string{}, map[string]error{}
		var wg sync.WaitGroup
		begin := time.Now()
		wg.Go(func() {
			p1.expect(`20["ask",1]`)
			p1.send(`30["one","more"]`)
			p2.expect(`20["ask",1]`)
			p2.send(`30["two"]`)
			p4.expect(`20["ask",1]`)
			p4.close()
		})
		for a, err := range f.Timeout(time.Second).Except(event.Room(s3.ID())).To(
			event.Room(s1.ID()), event.Room(s2.ID()), event.Room(s3.ID()), event.Room(s4.ID())).EmitAck(t.Context(), "ask", 1) {
			if err != nil {
				failures[a.Socket] = err
			} else {
				answers[a.Socket] = a.Args.String(0)
			}
		}
		wg.Wait()
		require.Zero(t, time.Since(begin), "nobody was waited for")
		require.Equal(t, map[string]string{s1.ID(): "one", s2.ID(): "two"}, answers)
		require.Equal(t, map[string]error{s4.ID(): server.ErrDisconnected}, failures)

		clear(answers)
		clear(failures)
		wg.Go(func() {
			p1.expect(`21["ask",2]`)
			p1.send(`31["one"]`)
			p2.expect(`21["ask",2]`)
		})
		for a, err := range s3.Broadcast().Timeout(time.Second).EmitAck(t.Context(), "ask", 2) {
			if err != nil {
				failures[a.Socket] = err
			} else {
				answers[a.Socket] = a.Args.String(0)
			}
		}
		wg.Wait()
		require.Equal(t, time.Second, time.Since(begin))
		require.Equal(t, map[string]string{s1.ID(): "one"}, answers, "what came in time is not lost")
		require.ErrorIs(t, failures[s2.ID()], server.ErrAckTimeout)
		p3.silent(s3)
	})
}

// Rows: M08
func TestAnswersComeInTheOrderOfTheirArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, server.Config{})
		p1, s1 := f.join("/")
		p2, s2 := f.join("/")
		p3, s3 := f.join("/")
		go func() { p3.expect(`20["ask"]`); p3.send(`30["first"]`) }()
		var order []string
		for a, err := range f.EmitAck(t.Context(), "ask") {
			require.NoError(t, err)
			switch order = append(order, a.Socket); len(order) { // who is next waits for the one before
			case 1:
				p1.expect(`20["ask"]`)
				p1.send(`30["second"]`)
			case 2:
				p2.expect(`20["ask"]`)
				p2.send(`30["third"]`)
			}
		}
		require.Equal(t, []string{s3.ID(), s1.ID(), s2.ID()}, order)
	})
}

// Rows: M14
func TestAskingRoomsFromASocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, server.Config{})
		asker, s := f.join("/")
		both, s1 := f.join("/")
		one, s2 := f.join("/")
		third, s3 := f.join("/")
		excepted, s4 := f.join("/")
		stranger, s5 := f.join("/")
		require.NoError(t, s.Join("r1"))
		require.NoError(t, s1.Join("r1", "r2"))
		require.NoError(t, s2.Join("r1"))
		require.NoError(t, s3.Join("r3"))
		require.NoError(t, s4.Join("r3", "busy"))
		go func() { both.expect(`20["ask"]`); both.send(`30["both"]`) }()
		go func() { one.expect(`20["ask"]`); one.send(`30["one"]`) }()
		begin := time.Now()
		got := map[string]string{}
		for a, err := range s.To("r1").To("r2", "r3").Except("busy").Timeout(time.Second).EmitAck(t.Context(), "ask") {
			if err != nil {
				require.ErrorIs(t, err, server.ErrAckTimeout)
				got[a.Socket] += "none"
			} else {
				got[a.Socket] += a.Args.String(0)
			}
		}
		require.Equal(t, time.Second, time.Since(begin))
		require.Equal(t, map[string]string{s1.ID(): "both", s2.ID(): "one", s3.ID(): "none"}, got)
		third.expect(`20["ask"]`)
		asker.silent(s)
		both.silent(s1)
		excepted.silent(s4)
		stranger.silent(s5)
	})
}

// Rows: L04
func TestHandlerAcknowledges(t *testing.T) {
	f := start(t, server.Config{})
	p, s := f.join("/")
	s.OnAck("echo", func(args event.Args, ack func(...any)) {
		ack(args...)
		ack("second call")
	})
	later := make(chan func(...any), 1)
	s.OnAck("later", func(_ event.Args, ack func(...any)) { later <- ack })
	p.send(`20["echo",1,"2",{"3":true}]`)
	p.expect(`30[1,"2",{"3":true}]`)
	p.send(`51-1["echo",{"_placeholder":true,"num":0}]`)
	p.sendBinary(9)
	p.expect(`61-1[{"_placeholder":true,"num":0}]`, "b:\x09")
	p.send(`212["later"]`)
	ack := await(t, later)
	p.send(`2["echo","no answer wanted"]`)
	p.silent(s)
	ack()
	p.expect(`312[]`)
	p.send(`213["nobody listens"]`)
	p.silent(s)
}

// Rows: M02
func TestHandlerMayWaitForItsOwnSocket(t *testing.T) {
	f := start(t, server.Config{})
	p, s := f.join("/")
	s.OnAck("outer", func(_ event.Args, ack func(...any)) {
		args, err := s.EmitAck(t.Context(), "inner")
		assert.NoError(t, err)
		ack(args...)
	})
	p.send(`25["outer"]`)
	p.expect(`20["inner"]`)
	p.send(`30["deep"]`)
	p.expect(`35["deep"]`)
}

// Rows: L01 L02
func TestCatchAll(t *testing.T) {
	f := start(t, server.Config{})
	p, s := f.join("/")
	q, other := f.join("/")
	var log []string
	note := func(who string) func(string, event.Args) {
		return func(name string, args event.Args) { log = append(log, who+":"+name+":"+args.String(0)) }
	}
	stopAny := s.OnAny(note("any"))
	s.PrependAny(note("first"))
	done := make(chan struct{}, 1)
	s.On("x", func(args event.Args) { note("on")("x", args); done <- struct{}{} })
	stopSpace := f.OnAny(func(from *server.Socket, name string, _ event.Args) {
		assert.Same(t, s, from)
		log = append(log, "space:"+name)
	})
	p.send(`2["x","1"]`)
	await(t, done)
	require.Equal(t, []string{"space:x", "first:x:1", "any:x:1", "on:x:1"}, log)
	stopAny()
	stopSpace()
	log = nil
	p.send(`2["x","2"]`)
	await(t, done)
	require.Equal(t, []string{"first:x:2", "on:x:2"}, log)

	log = nil
	stopOut := s.OnAnyOutgoing(note("out"))
	s.PrependAnyOutgoing(note("out-first"))
	f.OnAnyOutgoing(func(to *server.Socket, name string, _ event.Args) {
		if to == s {
			log = append(log, "space-out:"+name)
		}
	})
	require.NoError(t, s.Emit("direct", "a"))
	require.NoError(t, f.Emit("all", "b"))
	require.NoError(t, other.Emit("other", "c"))
	stopOut()
	require.NoError(t, f.To(event.Room(s.ID())).Emit("room", "d"))
	require.Equal(t, []string{
		"space-out:direct", "out-first:direct:a", "out:direct:a",
		"space-out:all", "out-first:all:b", "out:all:b",
		"space-out:room", "out-first:room:d",
	}, log)
	p.expect(`2["direct","a"]`, `2["all","b"]`, `2["room","d"]`)
	q.expect(`2["all","b"]`, `2["other","c"]`)
}
