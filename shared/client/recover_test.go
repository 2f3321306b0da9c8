package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/client"
	"parley/shared/event"
)

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"

// yeast is an offset of the reference's in-memory adapter.
func yeast(at time.Time) string {
	s := ""
	for n := at.UnixMilli(); n > 0; n /= 64 {
		s = string(digits[n%64]) + s
	}
	return s
}

// Rows: K01 K02 K06 K08 D09
func TestRecovery(t *testing.T) {
	with(t, client.Config{Auth: func(context.Context) (any, error) { return map[string]int{"a": 1}, nil }}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		r.conn.Connect()
		p := r.server.Accept(t)
		p.Expect(t, `40/chat,{"a":1}`)
		p.Send(`40/chat,{"sid":"x","pid":"secret"}`)
		first, second := yeast(time.Now()), yeast(time.Now().Add(5*time.Millisecond))+".0"
		p.Send(fmt.Sprintf(`42/chat,["m",1,%q]`, first), `42/chat,["m",2,"`+second+`"]`)
		assert.Equal(t, []string{"connect", "m 1", "m 2"}, log.take(), "handlers never see the offset")
		assert.False(t, s.Recovered())
		assert.Equal(t, client.Recovery{PID: "secret", Offset: second}, s.Recovery())

		p.Hang()
		p = r.server.Accept(t)
		p.Expect(t, `40/chat,{"pid":"secret","offset":"`+second+`","a":1}`)
		third := yeast(time.Now())
		p.Send(`42/chat,["missed","`+third+`"]`, `40/chat,{"sid":"x","pid":"secret"}`)
		assert.Equal(t, []string{"disconnect: transport close", "missed", "connect"}, log.take())
		assert.True(t, s.Recovered())

		p.Hang()
		p = r.server.Accept(t)
		p.Expect(t, `40/chat,{"pid":"secret","offset":"`+third+`","a":1}`)
		p.Send(`40/chat,{"sid":"y","pid":"other"}`)
		synctest.Wait()
		assert.False(t, s.Recovered())
		p.Hang()
		p = r.server.Accept(t)
		p.Expect(t, `40/chat,{"pid":"other","a":1}`)
		p.Send(`40/chat,{"sid":"y","pid":"other"}`)
		synctest.Wait()
		assert.True(t, s.Recovered(), "a server may not need an offset as long as there was no event")

		s.Disconnect()
		s.Connect()
		p = r.server.Accept(t)
		p.Expect(t, `40/chat,{"a":1}`)
	})
}

// Rows: K09 M15
func TestOnlyStoredEventsMoveTheOffset(t *testing.T) {
	bubble := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where its clock begins
	now := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	wall := clock{slept: now.Sub(bubble)}
	object := fmt.Sprintf("%08xabcdef0123456789", now.Unix())
	stream := fmt.Sprintf("%d-0", now.UnixMilli())
	old := yeast(now.Add(-48 * time.Hour))
	for _, c := range []struct {
		about   string
		connect string
		events  []string
		offset  string
		handled []string
	}{
		{"no recovery on the server", `{"sid":"x"}`,
			[]string{`["m","` + yeast(now) + `"]`}, "", []string{`m "` + yeast(now) + `"`}},
		{"an ordinary string of a volatile event", `{"sid":"x","pid":"p"}`,
			[]string{`["m","hello"]`, `["m","notebook.txt"]`, `["m","Welcome"]`, `["m","` + old + `"]`, `["m"]`, `["m",7]`, `["m",""]`},
			"", []string{`m "hello"`, `m "notebook.txt"`, `m "Welcome"`, `m "` + old + `"`, "m", "m 7", `m ""`}},
		{"the form stays that of the first", `{"sid":"x","pid":"p"}`,
			[]string{`["m","` + yeast(now) + `"]`, `["user","` + object + `"]`}, yeast(now), []string{"m", `user "` + object + `"`}},
		{"Redis streams", `{"sid":"x","pid":"p"}`,
			[]string{`["m",1,"` + stream + `"]`, `["m","` + yeast(now) + `"]`}, stream, []string{"m 1", `m "` + yeast(now) + `"`}},
		{"MongoDB", `{"sid":"x","pid":"p"}`,
			[]string{`["m",1,"` + object + `"]`}, object, []string{"m 1"}},
		{"a server that says where it begins", `{"sid":"x","pid":"p","offset":"AbCd12-_.0"}`,
			[]string{`["m","notebook.txt"]`, `["m","AbCd12-_.1z"]`, `["m","` + yeast(now) + `"]`, `["m","AbCd12-_."]`},
			"AbCd12-_.1z", []string{`m "notebook.txt"`, "m", `m "` + yeast(now) + `"`, `m "AbCd12-_."`}},
		{"and in a form of its own", `{"sid":"x","pid":"p","offset":"position 0"}`,
			[]string{`["m",1]`, `["m",1,"position 1"]`}, "position 1", []string{"m 1", "m 1"}},
		{"what wants an acknowledgement is not stored", `{"sid":"x","pid":"p"}`,
			[]string{`1["m","` + yeast(now) + `"]`}, "", []string{`m "` + yeast(now) + `"`}},
	} {
		t.Run(c.about, func(t *testing.T) {
			with(t, client.WithClock(client.Config{}, wall.now), func(t *testing.T, r *rig) {
				s, log := r.socket(chat)
				p := r.open()
				p.Expect(t, "40/chat,")
				p.Send("40/chat," + c.connect)
				for _, e := range c.events {
					p.Send("42/chat," + e)
				}
				assert.Equal(t, append([]string{"connect"}, c.handled...), log.take())
				assert.Equal(t, c.offset, s.Recovery().Offset)
			})
		})
	}
	with(t, client.Config{Offset: func(s string) bool { return s == "mine" }}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		p := r.open()
		p.Expect(t, "40/chat,")
		p.Send(`40/chat,{"sid":"x","pid":"p"}`, `42/chat,["m","`+yeast(now)+`"]`, `42/chat,["m","mine"]`)
		assert.Equal(t, []string{"connect", `m "` + yeast(now) + `"`, "m"}, log.take())
		assert.Equal(t, "mine", s.Recovery().Offset)
	})
}

// Rows: K01 D03
func TestRecoveryAcrossARestart(t *testing.T) {
	var kept []byte
	now := yeast(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s := r.conn.Of(chat)
		release := make(chan struct{})
		defer close(release)
		s.On("slow", func(event.Args) { <-release })
		p := r.open()
		p.Expect(t, "40/chat,")
		p.Send(`40/chat,{"sid":"x","pid":"p"}`, `42/chat,["m","`+now+`"]`, `42/chat,["slow","`+now+`.0"]`)
		synctest.Wait()
		assert.Equal(t, now, s.Recovery().Offset, "an event that is still being handled would be replayed")
		var err error
		kept, err = json.Marshal(s.Recovery())
		require.NoError(t, err)
		p.Hang()
	})
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		var recovery client.Recovery
		require.NoError(t, json.Unmarshal(kept, &recovery))
		s, log := r.socket(chat)
		s.SetRecovery(recovery)
		p := r.open()
		p.Expect(t, `40/chat,{"pid":"p","offset":"`+now+`"}`)
		p.Send(`42/chat,["slow","`+now+`.0"]`, `40/chat,{"sid":"x","pid":"p"}`)
		assert.Equal(t, []string{"slow", "connect"}, log.take())
		assert.True(t, s.Recovered())
	})
}
