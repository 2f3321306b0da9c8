package engine_test

import (
	"bufio"
	"io"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

// exiter is a receiver that ends the goroutine it is called on.
type exiter struct{ *app }

func (e exiter) Receive(bool, []byte) engine.Task { runtime.Goexit(); return nil }

// An application that ends the goroutine of the engine with runtime.Goexit, as
// (*testing.T).FailNow does, ends its session, and nobody waits for that goroutine.
// Rows: E17
func TestGoexitInTheReceiver(t *testing.T) {
	for _, when := range []string{"Receive", "Open"} {
		for name, run := range map[string]func(t *testing.T, s *streams){
			"websocket": func(t *testing.T, s *streams) {
				c := s.dialRaw("")
				if when == "Receive" {
					c.write(maskedFrame(0x81, []byte("4x"))...)
				}
				require.Regexp(t, `^0\{.*\} close\(1000\) \+closed$`, c.reaction())
			},
			"stream": func(t *testing.T, s *streams) {
				nc, _ := s.connect("")
				writePacket(t, nc, "0")
				if when == "Receive" {
					readPacket(t, bufio.NewReader(nc))
					writePacket(t, nc, "4x")
				}
				_, err := io.Copy(io.Discard, nc)
				require.NoError(t, err)
			},
			"polling": func(t *testing.T, s *streams) {
				if when == "Receive" {
					a := s.do("GET", pollQuery, "")
					p := &poller{s.fixture, sidOf(t, a)}
					_, err := s.request(t.Context(), "POST", p.query(), "4x")
					require.Error(t, err)
					require.Equal(t, "1", p.get().body)
					return
				}
				_, err := s.request(t.Context(), "GET", pollQuery, "")
				require.Error(t, err)
			},
		} {
			t.Run(when+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var log logHandler
					closed := make(chan ending, 1)
					s := startStreams(t, engine.Config{Logger: log.logger(), Open: func(s *engine.Session) engine.Receiver {
						if when == "Open" {
							runtime.Goexit()
						}
						return exiter{&app{Session: s, closed: closed}}
					}})
					run(t, s)
					if when == "Receive" {
						e := await(t, closed)
						require.Contains(t, []engine.Reason{engineio.ReasonForcedClose, engineio.ReasonForcedServerClose}, e.reason)
						require.ErrorContains(t, e.err, "runtime.Goexit")
					}
					synctest.Wait()
					require.Zero(t, s.Count())
					require.Contains(t, log.text(), "level=ERROR")
					require.NoError(t, s.Shutdown(t.Context()))
				})
			})
		}
	}
}
