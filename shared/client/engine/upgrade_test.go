package engine_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/client/engine"
	"parley/shared/client/internal/script"
	"parley/shared/engineio"
)

// upgrades notes what the Trace says about upgrades.
type upgrades struct {
	mu  sync.Mutex
	log []string
}

func (u *upgrades) trace() *engine.Trace {
	note := func(s string) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.log = append(u.log, s)
	}
	return &engine.Trace{
		Upgrading:     func(name string) { note("upgrading " + name) },
		Upgraded:      func(name string) { note("upgraded " + name) },
		UpgradeFailed: func(name string, err error) { note("failed " + name) },
	}
}

func (u *upgrades) got() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]string(nil), u.log...)
}

func upgradable(server *script.Server, names ...string) (engine.Config, *upgrades) {
	server.Handshake.Upgrades = names
	u := &upgrades{}
	cfg := config(server.Transport("polling"), server.Transport("websocket"), server.Transport("webtransport"))
	cfg.Trace = u.trace()
	return cfg, u
}

// Rows: G03 D01
func TestUpgradeKeepsTheOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := script.New()
		cfg, u := upgradable(server, "websocket")
		s, old, r := start(t, server, cfg)
		next := server.Accept(t)
		assert.Equal(t, "engine-sid", next.Request.SID())
		assert.Equal(t, "websocket", next.Request.Query.Get("transport"))
		next.Expect(t, "2probe")
		require.NoError(t, s.Send(message("over polling")))
		old.Expect(t, "4over polling")
		next.Send("3probe")
		synctest.Wait()

		assert.False(t, s.Writable(), "while switching")
		require.NoError(t, s.Send(message("held back")))
		synctest.Wait()
		old.ExpectNothing(t)
		next.ExpectNothing(t)
		next.Send("4on the new link") // too early of the server, but the order must hold
		old.Send("4last on the old link", "6")
		next.Expect(t, "5", "4held back")
		synctest.Wait()
		assert.Equal(t, "websocket", s.Transport())
		assert.False(t, old.AwaitClosed(t), "no close packet: the session lives")
		assert.Equal(t, []string{"last on the old link", "on the new link"}, r.got())
		assert.Equal(t, []string{"upgrading websocket", "upgraded websocket"}, u.got())

		next.Send("2")
		next.Expect(t, "3")
		require.NoError(t, s.Close(t.Context()))
		assert.True(t, next.AwaitClosed(t))
	})
}

// Rows: G03
func TestFailedUpgradesLeaveTheSession(t *testing.T) {
	for name, fail := range map[string]func(t *testing.T, server *script.Server, old *script.Peer){
		"wrong answer": func(t *testing.T, server *script.Server, _ *script.Peer) {
			next := server.Accept(t)
			next.Expect(t, "2probe")
			next.Send("3wrong")
			assert.False(t, next.AwaitClosed(t))
		},
		"closed while probing": func(t *testing.T, server *script.Server, _ *script.Peer) {
			server.Accept(t).Hang()
		},
		"no answer": func(t *testing.T, server *script.Server, _ *script.Peer) {
			next := server.Accept(t)
			time.Sleep(11 * time.Second)
			assert.False(t, next.AwaitClosed(t))
		},
		"the old link never comes to rest": func(t *testing.T, server *script.Server, _ *script.Peer) {
			next := server.Accept(t)
			next.Send("3probe")
			time.Sleep(11 * time.Second)
			assert.False(t, next.AwaitClosed(t))
		},
		"the candidate breaks when it should take over": func(t *testing.T, server *script.Server, old *script.Peer) {
			next := server.Accept(t)
			next.Send("3probe")
			synctest.Wait()
			next.Hang()
			old.Send("6") // the poll returns, the client switches and fails
		},
		"dial fails": func(t *testing.T, server *script.Server, _ *script.Peer) {},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := script.New()
				if name == "dial fails" {
					server.Refuse(func(r engine.Request) error {
						if r.SID() != "" {
							return errors.New("refused")
						}
						return nil
					})
				}
				cfg, u := upgradable(server, "websocket")
				s, old, r := start(t, server, cfg)
				synctest.Wait() // it polls by now
				fail(t, server, old)
				synctest.Wait()
				assert.Equal(t, []string{"upgrading websocket", "failed websocket"}, u.got())
				assert.Equal(t, "polling", s.Transport())
				old.Send("4still here")
				require.NoError(t, s.Send(message("me too")))
				old.Expect(t, "4me too")
				synctest.Wait()
				assert.Equal(t, []string{"still here"}, r.got())
				require.NoError(t, s.Close(t.Context()))
				assert.True(t, old.AwaitClosed(t))
			})
		})
	}
}

// Rows: G03
func TestBestUpgradeHasAHeadStart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := script.New()
		cfg, u := upgradable(server, "websocket", "webtransport")
		s, old, _ := start(t, server, cfg)
		began := time.Now()
		first := server.Accept(t)
		assert.Equal(t, "webtransport", first.Transport)
		assert.Zero(t, time.Since(began))
		second := server.Accept(t)
		assert.Equal(t, "websocket", second.Transport)
		assert.Equal(t, 200*time.Millisecond, time.Since(began))
		second.Expect(t, "2probe")
		second.Send("3probe")
		synctest.Wait()
		old.Send("6")
		second.Expect(t, "5")
		assert.False(t, first.AwaitClosed(t))
		synctest.Wait()
		assert.Equal(t, "websocket", s.Transport())
		assert.Equal(t, []string{"upgrading webtransport", "upgrading websocket", "upgraded websocket"}, u.got())
		require.NoError(t, s.Close(t.Context()))
	})
}

// Rows: G09
func TestCloseDuringUpgrade(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := script.New()
		cfg, _ := upgradable(server, "websocket")
		s, old, r := start(t, server, cfg)
		next := server.Accept(t)
		require.NoError(t, s.Close(t.Context()))
		assert.True(t, old.AwaitClosed(t))
		assert.False(t, next.AwaitClosed(t))
		assert.Equal(t, engineio.ReasonForcedClose, r.reason)
	})
	bubble(t, func(t *testing.T) {
		server := script.New()
		cfg, _ := upgradable(server, "websocket")
		s, old, _ := start(t, server, cfg)
		next := server.Accept(t)
		next.Send("3probe")
		synctest.Wait()
		require.NoError(t, s.Send(message("waits for the switch")))
		done := make(chan error)
		go func() { done <- s.Close(t.Context()) }()
		synctest.Wait()
		old.Send("6")
		require.NoError(t, <-done)
		next.Expect(t, "2probe", "5", "4waits for the switch")
		assert.True(t, next.AwaitClosed(t))
	})
}

func TestSessionEndsWhileSwitching(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := script.New()
		cfg, _ := upgradable(server, "websocket")
		s, old, r := start(t, server, cfg)
		next := server.Accept(t)
		next.Send("3probe")
		synctest.Wait()
		old.Hang()
		<-s.Done()
		assert.Equal(t, engineio.ReasonTransportClose, r.reason)
		assert.False(t, next.AwaitClosed(t))
	})
}

func TestNoUpgrade(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := script.New()
		cfg, u := upgradable(server, "websocket")
		cfg.NoUpgrade = true
		s, _, _ := start(t, server, cfg)
		time.Sleep(time.Second)
		assert.Equal(t, 1, server.Dials())
		assert.Empty(t, u.got())
		require.NoError(t, s.Close(t.Context()))
	})
}
