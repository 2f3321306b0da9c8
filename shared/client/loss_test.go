package client_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"parley/shared/client"
	"parley/shared/event"
)

// What came of a replay that broke off was not handled, so it is asked for again.
// Rows: K06 H06
func TestReplayThatBreaksOff(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		r.conn.Connect()
		p := r.server.Accept(t)
		p.Expect(t, `40/chat,`)
		p.Send(`40/chat,{"sid":"x","pid":"secret","offset":"log.1"}`, `42/chat,["m",1,"log.2"]`)
		assert.Equal(t, []string{"connect", "m 1"}, log.take())

		p.Hang()
		p = r.server.Accept(t)
		p.Expect(t, `40/chat,{"pid":"secret","offset":"log.2"}`)
		p.Send(`42/chat,["m",2,"log.3"]`, `42/chat,["m",3,"log.4"]`)
		synctest.Wait()
		p.Hang()
		p = r.server.Accept(t)
		p.Expect(t, `40/chat,{"pid":"secret","offset":"log.2"}`)
		p.Send(`42/chat,["m",2,"log.3"]`, `42/chat,["m",3,"log.4"]`, `40/chat,{"sid":"x","pid":"secret"}`)
		assert.Equal(t, []string{"disconnect: transport close", "m 2", "m 3", "connect"}, log.take())
		assert.True(t, s.Recovered())
		assert.Equal(t, "log.4", s.Recovery().Offset)
	})
}

// A replay that the client cannot hold would be the same at the next attempt: it comes back without its state, and the
// program is told that events are missing.
// Rows: K06 H06
func TestReplayTooLong(t *testing.T) {
	with(t, client.Config{MaxPending: 10}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		r.conn.Connect()
		p := r.server.Accept(t)
		p.Expect(t, `40/chat,`)
		p.Send(`40/chat,{"sid":"x","pid":"secret","offset":"log.1"}`, `42/chat,["m",1,"log.2"]`)
		assert.Equal(t, []string{"connect", "m 1"}, log.take())

		replay := func(n int) {
			p.Hang()
			p = r.server.Accept(t)
			p.Expect(t, `40/chat,{"pid":"secret","offset":"log.2"}`)
			for i := range n {
				p.Send(fmt.Sprintf(`42/chat,["m",%d,"log.%d"]`, i+2, i+3))
			}
		}
		replay(10)
		p.ExpectNothing(t)
		assert.Equal(t, []string{"disconnect: transport close"}, log.take())
		replay(11)
		p.AwaitClosed(t)
		assert.Equal(t, client.Recovery{}, s.Recovery())
		p = r.server.Accept(t)
		p.Expect(t, `40/chat,`)
		p.Send(`40/chat,{"sid":"y","pid":"other","offset":"log.20"}`, `42/chat,["m",20,"log.21"]`)
		assert.Equal(t, []string{
			"error: client: connect /chat: client: more was missed than MaxPending events: unavailable: not recovered",
			"connect", "m 20",
		}, log.take())
		assert.False(t, s.Recovered())
		assert.Equal(t, client.Recovery{PID: "other", Offset: "log.21"}, s.Recovery())
	})
}

// What is replayed counts together with what waits already, and is asked for again when there is room.
// Rows: K06 H06
func TestReplayForSlowHandlers(t *testing.T) {
	with(t, client.Config{MaxPending: 10}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		release := make(chan struct{})
		s.On("m", func(event.Args) { <-release })
		r.conn.Connect()
		p := r.server.Accept(t)
		p.Expect(t, `40/chat,`)
		p.Send(`40/chat,{"sid":"x","pid":"secret","offset":"log.0"}`)
		assert.Equal(t, []string{"connect"}, log.take())
		for i := range 9 {
			p.Send(fmt.Sprintf(`42/chat,["m",%d,"log.%d"]`, i, i+1))
		}
		replay := func() {
			p.Hang()
			p = r.server.Accept(t)
			p.Expect(t, `40/chat,{"pid":"secret","offset":"log.9"}`)
			p.Send(`42/chat,["n",1,"log.a"]`, `42/chat,["n",2,"log.b"]`, `42/chat,["n",3,"log.c"]`)
		}
		replay()
		begin := time.Now()
		p.AwaitClosed(t)
		assert.Zero(t, time.Since(begin), "not the heartbeat's doing")
		close(release)
		log.take()
		replay()
		p.Send(`40/chat,{"sid":"x","pid":"secret"}`)
		assert.Equal(t, []string{"n 1", "n 2", "n 3", "connect"}, log.take())
		assert.True(t, s.Recovered())
	})
}

// A packet for a namespace that has been left would be a violation of the protocol.
// Rows: L04 N05
func TestAnswerAfterTheGoodbye(t *testing.T) {
	for _, byServer := range []bool{false, true} {
		t.Run(fmt.Sprint("by server ", byServer), func(t *testing.T) {
			with(t, client.Config{}, func(t *testing.T, r *rig) {
				s, other := r.conn.Of(chat), r.conn.Of(event.NewNamespace("/other"))
				asked := make(chan func(...any), 1)
				s.OnAck("q", func(_ event.Args, ack func(...any)) { asked <- ack })
				p := r.open(s, other)
				p.Send(`42/chat,7["q"]`)
				ack := <-asked
				if byServer {
					p.Send(`41/chat,`)
				} else {
					s.Disconnect()
					p.Expect(t, `41/chat,`)
				}
				synctest.Wait()
				ack("late")
				time.Sleep(time.Second)
				p.ExpectNothing(t)
			})
		})
	}
}
