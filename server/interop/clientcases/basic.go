package clientcases

import (
	"bytes"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"parley/shared/client"
	"parley/shared/event"
)

func basicCases() map[string]body {
	return map[string]body{
		"connects":               connects,
		"handshake":              handshakeReachesTheServer,
		"values":                 values,
		"binary":                 binary,
		"large binary":           largeBinary,
		"order received":         orderReceived,
		"order sent and back":    orderSentAndBack,
		"acks":                   acks,
		"acks by the client":     acksByTheClient,
		"ack time-out":           ackTimeOut,
		"many acks at once":      manyAcks,
		"rooms and broadcasts":   roomsAndBroadcasts,
		"catch-all":              catchAll,
		"volatile":               volatile,
		"buffered until connect": bufferedUntilConnect,
		"too large":              tooLarge,
	}
}

// Rows: E01 N01 N07 H01 G14
func connects(c *bench) {
	s := c.connect("/")
	require.True(c, s.Connected())
	require.Len(c, s.ID(), 20)
	want := map[string]string{"websocket": "websocket", "polling": "polling", "upgrade": "websocket", "msgpack": "websocket"}[c.Mode]
	require.Equal(c, want, s.Conn().State().Transport)
	got := ask[me](c, s, "me")
	require.Equal(c, s.ID(), got.ID)
	require.Equal(c, want, got.Transport)
	require.False(c, got.Recovered)
	require.False(c, s.Recovered())
}

// Rows: N08 H02 G06 G07
func handshakeReachesTheServer(c *bench) {
	s := c.connect("/", func(cfg *client.Config) {
		cfg.Auth = func(ctx contextT) (any, error) {
			return map[string]any{"token": "abc", "nested": map[string]any{"list": []int{1, 2}}}, nil
		}
		cfg.Query = url.Values{"x": {"ä&="}}
	})
	got := ask[me](c, s, "me")
	require.Equal(c, map[string]any{"token": "abc", "nested": map[string]any{"list": []any{1.0, 2.0}}}, got.Auth)
	require.Equal(c, "ä&=", got.X)
}

// Rows: B01 B08
func values(c *bench) {
	s := c.connect("/")
	answer, err := s.EmitAck(c.ctx(), "echo", 1, -2.5, "text", "€😀\u2028\"\\", true, nil, []int{}, struct {
		A []any          `json:"a"`
		M map[string]int `json:"m"`
	}{[]any{nil, "x"}, map[string]int{"ü": 1}}, time.UnixMilli(1234567890123).UTC())
	require.NoError(c, err)
	requireJSON(c, `[1,-2.5,"text","€😀\u2028\"\\",true,null,[],{"a":[null,"x"],"m":{"ü":1}},"2009-02-13T23:31:30.123Z"]`, answer)
}

// Rows: B02 B05 G12
func binary(c *bench) {
	s := c.connect("/")
	back := subscribe(c, s, "echo-back")
	type deep struct {
		Blob []byte `json:"blob"`
		Text string `json:"text"`
	}
	require.NoError(c, s.Emit("echo", []byte{1, 2, 3}, deep{[]byte{}, "x"}, []any{[]byte{255}, "y"}))
	args := await(c, back, "no echo")
	require.Equal(c, []byte{1, 2, 3}, args.Bytes(0))
	var d deep
	require.NoError(c, args.Value(1).Decode(&d))
	require.Equal(c, deep{[]byte{}, "x"}, d)
	var list []any
	require.NoError(c, args.Value(2).Decode(&list))
	require.Equal(c, []any{[]byte{255}, "y"}, list)
}

// Rows: B02
func largeBinary(c *bench) {
	s := c.connect("/")
	for _, size := range []int{1, 125, 126, 65535, 65536, 300000} {
		sent := bytes.Repeat([]byte{byte(size)}, size)
		answer, err := s.EmitAck(c.ctx(), "echo", sent)
		require.NoError(c, err)
		require.True(c, bytes.Equal(sent, answer.Bytes(0)), "%d bytes", size)
	}
}

// Rows: M22
func orderReceived(c *bench) {
	s := c.connect("/")
	burst := subscribe(c, s, "burst")
	require.NoError(c, s.Emit("burst", 500))
	for i := range 500 {
		var n int
		args := await(c, burst, "the burst stops")
		require.NoError(c, args.Value(0).Decode(&n))
		require.Equal(c, i, n)
	}
}

// Rows: M22 G03 G05
func orderSentAndBack(c *bench) {
	s := c.connect("/")
	back := subscribe(c, s, "echo-back")
	for i := range 300 {
		args := []any{i}
		if i%5 == 0 {
			args = append(args, []byte{byte(i)})
		}
		require.NoError(c, s.Emit("echo", args...))
	}
	for i := range 300 {
		var n int
		require.NoError(c, await(c, back, "an echo is missing").Value(0).Decode(&n))
		require.Equal(c, i, n)
	}
}

// Rows: H11
func acks(c *bench) {
	s := c.connect("/")
	answer, err := s.EmitAck(c.ctx(), "echo", 1, "two", map[string]int{"three": 3})
	require.NoError(c, err)
	requireJSON(c, `[1,"two",{"three":3}]`, answer)
	answer, err = s.EmitAck(c.ctx(), "echo")
	require.NoError(c, err)
	require.Empty(c, answer)
}

func acksByTheClient(c *bench) {
	s := c.connect("/")
	defer s.OnAck("question", func(args event.Args, ack func(...any)) { ack(append(args.Bytes(0), 3)) })()
	answer, err := s.EmitAck(c.ctx(), "ask-me", []byte{1, 2})
	require.NoError(c, err)
	require.Equal(c, []byte{1, 2, 3}, answer.Bytes(0))
}

// Rows: H10
func ackTimeOut(c *bench) {
	s := c.connect("/")
	require.Equal(c, "timeout", ask[string](c, s, "ask-silence", 50), "the server's question stays open")
	_, err := s.Timeout(50*time.Millisecond).EmitAck(c.ctx(), "nobody listens")
	require.ErrorIs(c, err, client.ErrAckTimeout)
}

func manyAcks(c *bench) {
	s := c.connect("/")
	var wg sync.WaitGroup
	answers := make([]string, 100)
	for i := range answers {
		wg.Go(func() {
			answer, err := s.EmitAck(c.ctx(), "echo", fmt.Sprint(i))
			if err == nil {
				answers[i] = answer.String(0)
			}
		})
	}
	wg.Wait()
	for i := range answers {
		require.Equal(c, fmt.Sprint(i), answers[i])
	}
}

func roomsAndBroadcasts(c *bench) {
	a, b := c.connect("/"), c.connect("/")
	heardByA, heardByB := subscribe(c, a, "said"), subscribe(c, b, "said")
	_, err := b.EmitAck(c.ctx(), "join", []string{"r"})
	require.NoError(c, err)
	require.Equal(c, sorted("r", b.ID()), ask[[]string](c, b, "rooms"))
	require.NoError(c, a.Emit("to", []string{"r"}, "said", "to the room"))
	require.NoError(c, a.Emit("broadcast", "said", "to the others"))
	require.NoError(c, a.Emit("everyone", "said", "to all"))
	for _, want := range []string{"to the room", "to the others", "to all"} {
		require.Equal(c, want, await(c, heardByB, "b hears nothing").String(0))
	}
	require.Equal(c, "to all", await(c, heardByA, "a hears nothing").String(0))
}

// Rows: H15
func catchAll(c *bench) {
	s := c.connect("/")
	var mu sync.Mutex
	var seen []string
	note := func(way string) func(string, event.Args) {
		return func(name string, args event.Args) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, way+name)
		}
	}
	defer s.OnAny(note("in "))()
	defer s.OnAnyOutgoing(note("out "))()
	back := subscribe(c, s, "echo-back")
	require.NoError(c, s.Emit("echo", 1))
	await(c, back, "no echo")
	mu.Lock()
	defer mu.Unlock()
	require.Equal(c, []string{"out echo", "in echo-back"}, seen)
}

// Rows: H09
func volatile(c *bench) {
	s := c.connect("/")
	back := subscribe(c, s, "echo-back")
	for tick := time.NewTicker(20 * time.Millisecond); ; { // dropped while something is on its way, so until one arrives
		require.NoError(c, s.Volatile().Emit("echo", "now"))
		select {
		case args := <-back:
			tick.Stop()
			require.Equal(c, "now", args.String(0))
			return
		case <-tick.C:
		}
	}
}

// Rows: H03 H07
func bufferedUntilConnect(c *bench) {
	cfg := c.config()
	conn, err := client.New(c.url, cfg)
	require.NoError(c, err)
	c.Cleanup(func() { _ = conn.Close() })
	s := conn.Main()
	back := subscribe(c, s, "echo-back")
	require.NoError(c, s.Emit("echo", 1))
	require.NoError(c, s.Emit("echo", 2))
	require.ErrorIs(c, s.Unbuffered().Emit("echo", 3), client.ErrNotConnected)
	require.Equal(c, 2, s.Buffered())
	conn.Connect()
	s.Connect()
	for want := 1; want <= 2; want++ {
		var n int
		require.NoError(c, await(c, back, "a buffered emit is lost").Value(0).Decode(&n))
		require.Equal(c, want, n)
	}
}

func tooLarge(c *bench) {
	s := c.connect("/")
	require.ErrorIs(c, s.Emit("echo", string(bytes.Repeat([]byte("x"), 1_000_001))), client.ErrTooLarge)
	require.Equal(c, "still here", ask[string](c, s, "echo", "still here"))
}
