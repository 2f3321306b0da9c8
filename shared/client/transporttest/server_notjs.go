//go:build !js

package transporttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/shared/engineio"
)

// largeMessage is longer than the bound that transports under test must be given
// for incoming messages, 2 MiB.
const largeMessage = 3 << 20

// Wire is one link as the scripts see it, whatever the transport.
type Wire interface {
	Send(packets ...engineio.Packet) error
	Receive() ([]engineio.Packet, error)
	Raw(text string) error               // a text frame that may be no packet
	Close(code int, reason string) error // says goodbye
	Drop()                               // goes away without a word
	Stall()                              // says and hears nothing more, for longer than the test looks
}

// Play does what the script says; it returns at the end of the link.
func Play(w Wire, r *http.Request) {
	h := engineio.Handshake{SID: "sid", PingInterval: 25000, PingTimeout: 20000, MaxPayload: 1_000_000}
	if w.Send(engineio.Packet{Type: engineio.PacketOpen, Data: h.Append(nil)}) != nil {
		return
	}
	q := r.URL.Query()
	switch q.Get("script") {
	case "echo":
		echo(w)
	case "burst":
		n, _ := strconv.Atoi(q.Get("n"))
		for i := range n {
			p := message(strconv.Itoa(i))
			p.Binary = i%10 == 0
			_ = w.Send(p)
		}
		echo(w)
	case "kick":
		for i := range 20 {
			_ = w.Send(message(strconv.Itoa(i)))
		}
		_ = w.Close(4001, "kicked")
	case "silent":
		w.Stall()
	case "drop":
		_ = w.Send(message("last words"))
		w.Drop()
	case "garbage":
		_ = w.Send(message("before"))
		_ = w.Raw("9what")
		_, _ = w.Receive()
	case "large":
		_ = w.Send(message(strings.Repeat("x", largeMessage)))
		_, _ = w.Receive()
	case "request":
		facts, _ := json.Marshal(map[string]string{
			"x": q.Get("x"), "transport": q.Get("transport"), "header": r.Header.Get("X-Test"),
		})
		_ = w.Send(message(string(facts)))
		_, _ = w.Receive()
	}
}

func echo(w Wire) {
	for {
		packets, err := w.Receive()
		if err != nil || w.Send(packets...) != nil {
			return
		}
	}
}

func message(s string) engineio.Packet {
	return engineio.Packet{Type: engineio.PacketMessage, Data: []byte(s)}
}

// NewServer starts a server of the scripts over WebSocket and polling, for any
// origin, which ends with the test, with all its goroutines.
func NewServer(t testing.TB, start func(http.Handler) *httptest.Server) *httptest.Server {
	t.Helper()
	var scripts sync.WaitGroup
	server := start(handler(&scripts))
	t.Cleanup(func() {
		server.Close()
		scripts.Wait()
	})
	return server
}

func handler(scripts *sync.WaitGroup) http.Handler {
	p := &pollings{open: map[string]*polling{}, scripts: scripts}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if origin := r.Header.Get("Origin"); origin != "" {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Set("Access-Control-Allow-Headers", "X-Test, Content-Type")
		}
		switch {
		case r.Method == http.MethodOptions:
			w.WriteHeader(http.StatusNoContent)
		case r.URL.Query().Get("script") == "refuse":
			h.Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write((&engineio.Error{Code: engineio.Forbidden}).Append(nil))
		case r.URL.Query().Get("script") == "never":
			<-r.Context().Done()
		case r.URL.Query().Get("transport") == "websocket":
			scripts.Add(1)
			defer scripts.Done()
			serveWebSocket(w, r)
		default:
			p.serve(w, r)
		}
	})
}

// pollings are the polling links by their session id.
type pollings struct {
	scripts *sync.WaitGroup

	mu   sync.Mutex // guards open
	open map[string]*polling
}

// polling keeps what is to be fetched and what was posted.
type polling struct {
	mu    sync.Mutex // guards queue, gone and quiet
	queue [][]byte   // packets in their text form
	gone  bool       // requests are cut off
	quiet bool       // what is posted is not answered
	wake  chan struct{}
	in    chan []engineio.Packet
	done  chan struct{}
	once  sync.Once
}

func (s *pollings) serve(w http.ResponseWriter, r *http.Request) {
	sid := r.URL.Query().Get("sid")
	if sid == "" {
		p := &polling{wake: make(chan struct{}, 1), in: make(chan []engineio.Packet, 1024), done: make(chan struct{})}
		s.mu.Lock()
		sid = fmt.Sprintf("sid%d", len(s.open))
		s.open[sid] = p
		s.mu.Unlock()
		s.scripts.Go(func() { Play(&named{p, sid}, r) })
		p.get(w, r)
		return
	}
	s.mu.Lock()
	p := s.open[sid]
	s.mu.Unlock()
	if p == nil || p.isGone() {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write((&engineio.Error{Code: engineio.UnknownSID}).Append(nil))
		return
	}
	if r.Method == http.MethodPost {
		p.post(w, r)
		return
	}
	p.get(w, r)
}

func (p *polling) isGone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

func (p *polling) get(w http.ResponseWriter, r *http.Request) {
	for {
		p.mu.Lock()
		queue, gone := p.queue, p.gone
		p.queue = nil
		p.mu.Unlock()
		switch {
		case len(queue) > 0:
			w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
			_, _ = w.Write(bytes.Join(queue, []byte{engineio.Separator}))
			return
		case gone:
			panic(http.ErrAbortHandler)
		}
		select {
		case <-p.wake:
		case <-r.Context().Done():
			return
		}
	}
}

func (p *polling) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	p.mu.Lock()
	quiet := p.quiet
	p.mu.Unlock()
	if quiet {
		<-r.Context().Done()
		return
	}
	var packets []engineio.Packet
	for q, err := range engineio.Payload(body, 0) {
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if q.Type == engineio.PacketClose {
			p.push([]byte("6"))
			p.once.Do(func() { close(p.done) })
			_, _ = io.WriteString(w, "ok")
			return
		}
		packets = append(packets, q)
	}
	p.in <- packets
	_, _ = io.WriteString(w, "ok")
}

func (p *polling) push(texts ...[]byte) {
	p.mu.Lock()
	p.queue = append(p.queue, texts...)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// named is a polling link that puts its own id into the handshake.
type named struct {
	*polling
	sid string
}

func (p *named) Send(packets ...engineio.Packet) error {
	for _, q := range packets {
		if q.Type == engineio.PacketOpen {
			h, err := engineio.ParseHandshake(q.Data)
			if err != nil {
				return err
			}
			h.SID = p.sid
			q.Data = h.Append(nil)
		}
		p.push(q.AppendText(nil))
	}
	return nil
}

func (p *named) Raw(text string) error {
	p.push([]byte(text))
	return nil
}

func (p *named) Receive() ([]engineio.Packet, error) {
	select {
	case packets := <-p.in:
		return packets, nil
	case <-p.done:
		return nil, io.EOF
	case <-time.After(5 * time.Second):
		return nil, io.ErrNoProgress
	}
}

func (p *named) Close(int, string) error {
	p.push([]byte("1"))
	return nil
}

func (p *named) Drop() {
	p.mu.Lock()
	p.gone = true
	p.mu.Unlock()
	p.push()
}

func (p *named) Stall() {
	p.mu.Lock()
	p.quiet = true
	p.mu.Unlock()
}
