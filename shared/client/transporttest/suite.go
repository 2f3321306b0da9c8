package transporttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/shared/client/engine"
	"parley/shared/engineio"
)

// patience bounds every wait.
const patience = 10 * time.Second

// Run runs the suite as subtests. base is the address of a NewServer. make returns a new transport of the kind under test.
func Run(t *testing.T, base string, make func() engine.Transport) {
	for name, test := range map[string]func(*bench){
		"packets both ways":                            bothWays,
		"large messages":                               largeMessages,
		"a backlog keeps its order":                    backlog,
		"everything before a close, then the close":    closedByServer,
		"a slow reader gets everything before a close": slowReader,
		"a reader waits no longer than its context":    readEndsWithContext,
		"close makes a reader return":                  closeEndsRead,
		"close without a goodbye":                      closeAtOnce,
		"close with a silent server is bounded":        closeSilent,
		"a server that goes away":                      serverGone,
		"what is no packet":                            garbage,
		"a message beyond the bound":                   tooLarge,
		"a refusal":                                    refusal,
		"nobody there":                                 nobodyThere,
		"a dial waits no longer than its context":      dialEndsWithContext,
		"query and credentials":                        query,
		"many links at once":                           manyLinks,
	} {
		t.Run(name, func(t *testing.T) { test(&bench{t, base, make()}) })
	}
}

type bench struct {
	*testing.T
	base      string
	transport engine.Transport
}

func (b *bench) ctx(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	b.Cleanup(cancel)
	return ctx
}

func (b *bench) request(script string, more ...string) engine.Request {
	u, err := url.Parse(b.base)
	require.NoError(b, err)
	u.Path = "/engine.io/"
	q := url.Values{"EIO": {"4"}, "transport": {b.transport.Name()}, "script": {script}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return engine.Request{URL: u, Query: q, Header: map[string][]string{"X-Test": {"header"}}}
}

// open dials and reads the handshake.
func (b *bench) open(script string, more ...string) engine.Link {
	b.Helper()
	l, err := b.transport.Dial(b.ctx(patience), b.request(script, more...))
	require.NoError(b, err)
	b.Cleanup(func() { _ = l.Close(canceled()) })
	p, err := l.Read(b.ctx(patience))
	require.NoError(b, err)
	require.Equal(b, engineio.PacketOpen, p[0].Type)
	_, err = engineio.ParseHandshake(p[0].Data)
	require.NoError(b, err)
	return &rest{Link: l, packets: clone(p[1:])}
}

// rest gives out packets that were read already before others.
type rest struct {
	engine.Link
	packets []engineio.Packet
}

func (r *rest) Read(ctx context.Context) ([]engineio.Packet, error) {
	if p := r.packets; len(p) > 0 {
		r.packets = nil
		return p, nil
	}
	return r.Link.Read(ctx)
}

func clone(p []engineio.Packet) []engineio.Packet { return append([]engineio.Packet(nil), p...) }

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func text(s string) engineio.Packet {
	return engineio.Packet{Type: engineio.PacketMessage, Data: []byte(s)}
}

func binary(data []byte) engineio.Packet {
	return engineio.Packet{Type: engineio.PacketMessage, Binary: true, Data: data}
}

// read collects packets until there are n, in their text form.
func (b *bench) read(l engine.Link, n int) []string {
	b.Helper()
	var got []string
	ctx := b.ctx(patience)
	for len(got) < n {
		packets, err := l.Read(ctx)
		require.NoError(b, err, "after %d of %d", len(got), n)
		for _, p := range packets {
			if p.Type != engineio.PacketNoop {
				got = append(got, string(p.AppendText(nil)))
			}
		}
	}
	return got
}

// readError reads until an error comes and returns the packets before it.
func (b *bench) readError(ctx context.Context, l engine.Link) (got []string, err error) {
	for {
		packets, err := l.Read(ctx)
		if err != nil {
			return got, err
		}
		for _, p := range packets {
			got = append(got, string(p.AppendText(nil)))
		}
	}
}

func (b *bench) asError(err error) *engine.Error {
	b.Helper()
	e, ok := errors.AsType[*engine.Error](err)
	require.True(b, ok, "%T: %v", err, err)
	require.Equal(b, b.transport.Name(), e.Transport)
	return e
}

func bothWays(b *bench) {
	l := b.open("echo")
	packets := []engineio.Packet{
		text("hello"), text("€😀 \u2028"), text(""), binary([]byte{0, 1, 255}), binary(nil), text("b64?"),
		{Type: engineio.PacketPong, Data: []byte("probe")}, text("\"\\u001e\""),
	}
	require.NoError(b, l.Write(b.ctx(patience), packets))
	require.Equal(b, []string{"4hello", "4€😀 \u2028", "4", "bAAH/", "b", "4b64?", "3probe", "4\"\\u001e\""}, b.read(l, len(packets)))
	require.NoError(b, l.Write(b.ctx(patience), []engineio.Packet{text("again")}))
	require.Equal(b, []string{"4again"}, b.read(l, 1))
	require.NoError(b, l.Close(b.ctx(patience)))
	require.NoError(b, l.Close(b.ctx(patience)), "a second time")
}

func largeMessages(b *bench) {
	l := b.open("echo")
	for _, n := range []int{125, 126, 65535, 65536, 700_000} {
		data := bytes.Repeat([]byte{byte(n)}, n)
		written := make(chan error, 1) // beside the reading: both ways are bounded
		go func() {
			written <- l.Write(b.ctx(patience), []engineio.Packet{binary(data), text(strings.Repeat("x", n))})
		}()
		got := b.read(l, 2)
		require.NoError(b, <-written)
		require.Equal(b, string(binary(data).AppendText(nil)), got[0], "%d bytes", n)
		require.Equal(b, n+1, len(got[1]))
	}
}

func backlog(b *bench) {
	const n = 5000
	l := b.open("burst", "n", fmt.Sprint(n))
	got := b.read(l, n)
	for i, s := range got {
		want := fmt.Sprintf("4%d", i)
		if i%10 == 0 {
			want = string(binary(fmt.Append(nil, i)).AppendText(nil))
		}
		require.Equal(b, want, s)
	}
	var packets []engineio.Packet
	for i := range 500 {
		packets = append(packets, text(fmt.Sprint(i)))
	}
	require.NoError(b, l.Write(b.ctx(patience), packets))
	for i, s := range b.read(l, len(packets)) {
		require.Equal(b, fmt.Sprintf("4%d", i), s)
	}
}

// checkClosed wants the burst of script "kick" and then the close.
func (b *bench) checkClosed(got []string, err error) {
	b.Helper()
	if b.transport.Name() == "polling" {
		require.NotEmpty(b, got)
		require.Equal(b, "1", got[len(got)-1], "polling closes with a packet")
		got = got[:len(got)-1]
	} else {
		e := b.asError(err)
		require.Equal(b, engine.OpClosed, e.Op)
		require.Equal(b, 4001, e.CloseCode)
		require.Equal(b, "kicked", e.CloseReason)
	}
	require.Len(b, got, 20)
	for i, s := range got {
		require.Equal(b, fmt.Sprintf("4%d", i), s)
	}
}

func closedByServer(b *bench) {
	for range 5 {
		l := b.open("kick")
		got, err := b.readError(b.ctx(patience), l)
		b.checkClosed(got, err)
		_, again := l.Read(b.ctx(patience))
		require.Error(b, again, "and so it stays")
		require.Error(b, l.Write(b.ctx(patience), []engineio.Packet{text("x")}))
	}
}

func slowReader(b *bench) {
	l := b.open("kick")
	<-time.After(600 * time.Millisecond) // everything and the close have arrived by now
	got, err := b.readError(b.ctx(patience), l)
	b.checkClosed(got, err)
}

func readEndsWithContext(b *bench) {
	l := b.open("echo")
	began := time.Now()
	_, err := l.Read(b.ctx(100 * time.Millisecond))
	require.ErrorIs(b, err, context.DeadlineExceeded)
	require.Less(b, time.Since(began), patience/2)
}

func closeEndsRead(b *bench) {
	l := b.open("echo")
	failed := make(chan error, 1)
	go func() {
		_, err := b.readError(b.ctx(patience), l)
		failed <- err
	}()
	require.NoError(b, l.Close(b.ctx(patience)))
	require.Error(b, <-failed)
	require.Error(b, l.Write(b.ctx(patience), []engineio.Packet{text("x")}))
}

func closeAtOnce(b *bench) {
	l := b.open("echo")
	failed := make(chan error, 1)
	go func() {
		_, err := l.Read(b.ctx(patience))
		failed <- err
	}()
	began := time.Now()
	_ = l.Close(canceled())
	require.Error(b, <-failed)
	require.Less(b, time.Since(began), patience/2)
}

func closeSilent(b *bench) {
	l := b.open("silent")
	failed := make(chan error, 1)
	go func() {
		_, err := l.Read(b.ctx(patience))
		failed <- err
	}()
	began := time.Now()
	_ = l.Close(b.ctx(300 * time.Millisecond))
	require.Less(b, time.Since(began), 3*time.Second)
	require.Error(b, <-failed)
}

func serverGone(b *bench) {
	l := b.open("drop")
	_, err := b.readError(b.ctx(patience), l)
	e := b.asError(err)
	require.Contains(b, []string{engine.OpClosed, engine.OpRead}, e.Op)
	require.True(b, engine.Retryable(err))
}

func garbage(b *bench) {
	l := b.open("garbage")
	got, err := b.readError(b.ctx(patience), l)
	require.Equal(b, []string{"4before"}, got)
	require.ErrorIs(b, err, engineio.ErrUnknownType)
}

func tooLarge(b *bench) {
	l := b.open("large")
	_, err := b.readError(b.ctx(patience), l)
	require.Error(b, err)
	require.NotErrorIs(b, err, context.DeadlineExceeded)
}

func refusal(b *bench) {
	r := b.request("refuse")
	l, err := b.transport.Dial(b.ctx(patience), r)
	if err == nil { // a transport whose first request is its first read
		defer func() { _ = l.Close(canceled()) }()
		_, err = l.Read(b.ctx(patience))
	}
	e := b.asError(err)
	require.Equal(b, engine.OpDial, e.Op)
	if e.Status == 0 && inBrowser {
		return // it does not tell
	}
	require.Equal(b, 403, e.Status)
	require.False(b, engine.Retryable(err))
	if e.Refusal != nil {
		require.Equal(b, engineio.Forbidden, e.Refusal.Code)
	}
}

func nobodyThere(b *bench) {
	r := b.request("echo")
	r.URL.Host = "127.0.0.1:1"
	l, err := b.transport.Dial(b.ctx(2*time.Second), r)
	if err == nil {
		defer func() { _ = l.Close(canceled()) }()
		_, err = l.Read(b.ctx(2 * time.Second))
	}
	require.Equal(b, engine.OpDial, b.asError(err).Op)
}

func dialEndsWithContext(b *bench) {
	began := time.Now()
	ctx := b.ctx(200 * time.Millisecond)
	l, err := b.transport.Dial(ctx, b.request("never"))
	if err == nil {
		defer func() { _ = l.Close(canceled()) }()
		_, err = l.Read(ctx)
	}
	require.Error(b, err)
	require.Less(b, time.Since(began), patience/2)
}

// query needs a server that is on another origin than a browser's page, and then
// that cookies are asked for.
func query(b *bench) {
	l := b.open("request", "x", "a b&ü")
	got := b.read(l, 1)[0]
	require.Contains(b, got, `"x":"a b\u0026ü"`)
	require.Contains(b, got, `"transport":"`+b.transport.Name()+`"`)
	if !inBrowser || b.transport.Name() == "polling" {
		require.Contains(b, got, `"header":"header"`)
	}
}

func manyLinks(b *bench) {
	var links []engine.Link
	for range 20 {
		links = append(links, b.open("echo"))
	}
	for i, l := range links {
		require.NoError(b, l.Write(b.ctx(patience), []engineio.Packet{text(fmt.Sprint(i))}))
	}
	for i, l := range links {
		require.Equal(b, []string{fmt.Sprintf("4%d", i)}, b.read(l, 1))
	}
}
