//go:build !js

package link_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/app/link"
	"parley/app/state"
	"parley/server"
	service "parley/server/chat"
	"parley/server/chat/sqlite"
	"parley/server/gateway"
	"parley/shared/chat"
	"parley/shared/client"
)

const patience = 20 * time.Second

// host is a chat server that can be stopped and started again on its address
// with its data.
type host struct {
	url, addr, data string
	stop            func()
}

func serve(t *testing.T) *host {
	t.Helper()
	h := &host{addr: "127.0.0.1:0", data: filepath.Join(t.TempDir(), "chat.db")}
	h.start(t)
	t.Cleanup(func() { h.stop() })
	return h
}

func (h *host) start(t *testing.T) {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), "tcp", h.addr)
	require.NoError(t, err)
	h.addr = ln.Addr().String()
	h.url = "http://" + h.addr
	store, err := sqlite.Open(context.Background(), h.data)
	require.NoError(t, err)
	quiet := slog.New(slog.DiscardHandler)
	srv := server.New(server.Config{Logger: quiet})
	chats, err := service.Open(context.Background(), service.Config{Store: store, Publisher: gateway.NewPublisher(srv, quiet)})
	require.NoError(t, err)
	gate := gateway.New(srv, chats, gateway.Config{Build: "build 1", Logger: quiet})
	web := &http.Server{Handler: srv, ReadHeaderTimeout: time.Second}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			assert.NoError(t, err)
		}
	})
	h.stop = sync.OnceFunc(func() {
		assert.NoError(t, srv.Close())
		assert.NoError(t, web.Close())
		serving.Wait()
		gate.Close()
		assert.NoError(t, store.Close())
	})
}

// page stands in for the page: it gives commands and takes messages.
type page struct {
	*link.Link
	told chan state.Msg
}

func open(t *testing.T, url string, device link.Host) *page {
	t.Helper()
	p := &page{told: make(chan state.Msg, 10_000)}
	p.Link = link.New(link.Config{
		URL: url, Build: "build 1", Host: device, Log: slog.New(slog.DiscardHandler),
		Client: client.Config{Reconnect: client.Reconnect{Delay: 20 * time.Millisecond, MaxDelay: 50 * time.Millisecond}},
	}, func(msgs ...state.Msg) {
		for _, m := range msgs {
			p.told <- m
		}
	})
	t.Cleanup(p.Close)
	return p
}

// online opens a page and brings it to its first hello.
func online(t *testing.T, url, name string) *page {
	t.Helper()
	p := open(t, url, link.NewMemory())
	p.Run(state.LoadLocal{})
	local := next[state.LocalLoaded](t, p)
	p.Run(state.Connect{Name: name, Token: local.Profile.Token})
	next[state.Hello](t, p)
	return p
}

// next waits for a message of a type and passes over others.
func next[M state.Msg](t *testing.T, p *page) M {
	t.Helper()
	return match(t, p, func(M) bool { return true })
}

// match waits for a message of a type that fits.
func match[M state.Msg](t *testing.T, p *page, fits func(M) bool) M {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case m := <-p.told:
			if want, ok := m.(M); ok && fits(want) {
				return want
			}
		case <-deadline:
			var want M
			require.Failf(t, "not told", "%T", want)
		}
	}
}

func status(id string, s state.Status) func(state.OutboxChanged) bool {
	return func(m state.OutboxChanged) bool { return m.Item.ID == id && m.Item.Status == s }
}

func (p *page) join(t *testing.T, room chat.RoomID) chat.History {
	t.Helper()
	p.Run(state.JoinRoom{Request: chat.JoinRequest{Room: room}})
	return next[state.RoomJoined](t, p).History
}

const (
	firstID  = "00000000-0000-4000-8000-000000000001"
	secondID = "00000000-0000-4000-8000-000000000002"
	thirdID  = "00000000-0000-4000-8000-000000000003"
)

func enqueue(id, text string) state.Enqueue {
	return state.Enqueue{Item: state.Item{ID: id, Room: "lobby", Text: text, Status: state.Saving}}
}
