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
