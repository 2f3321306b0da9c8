//go:build long

package server_test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
)

// Rows: K01 K04 M22
func TestRecoveryUnderLoadLong(t *testing.T) {
	for i := range 10 {
		t.Run(fmt.Sprint(i), func(t *testing.T) { recoveryUnderLoad(t, 25, 10) })
	}
}

// TestChurn opens 9,000 connections, cuts half of them without a word and closes the others, ten times: goroutines, heap
// and connections must come back to where they were.
func TestChurn(t *testing.T) {
	const connections, rounds = 9000, 10
	f := start(t, server.Config{})
	address := strings.TrimPrefix(f.url, "http://")
	var heap []uint64
	var goroutines []int
	for round := range rounds {
		conns := make([]net.Conn, connections)
		var wg sync.WaitGroup
		for part := range 16 {
			wg.Go(func() {
				for i := part; i < connections; i += 16 {
					conns[i] = rawJoin(t, address)
				}
			})
		}
		wg.Wait()
		require.False(t, t.Failed())
		require.Equal(t, connections, f.Len())
		require.NoError(t, f.Emit("tick", round))
		for i, c := range conns {
			if i%2 == 0 {
				assert.NoError(t, c.(*net.TCPConn).SetLinger(0)) // a reset
			}
			c.Close()
		}
		require.Eventually(t, func() bool { return f.Len() == 0 && f.Connections() == 0 }, 30*time.Second, 20*time.Millisecond)
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heap, goroutines = append(heap, m.HeapAlloc), append(goroutines, runtime.NumGoroutine())
	}
	t.Log("heap", heap, "goroutines", goroutines)
	require.LessOrEqual(t, float64(heap[rounds-1]), 1.1*float64(heap[1])+1<<20)
	require.InDelta(t, goroutines[1], goroutines[rounds-1], 5)
}

// rawJoin connects to "/" with as little as possible on the client's side.
func rawJoin(t testing.TB, address string) net.Conn {
	c, err := net.Dial("tcp", address)
	if !assert.NoError(t, err) {
		return nil
	}
	fmt.Fprintf(c, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", address)
	var text strings.Builder
	buf := make([]byte, 512)
	joining := false
	for !strings.Contains(text.String(), `40{"sid"`) {
		n, err := c.Read(buf)
		if !assert.NoError(t, err) {
			return c
		}
		text.Write(buf[:n])
		if !joining && strings.Contains(text.String(), `0{"sid"`) {
			joining = true
			if _, err := c.Write([]byte{0x81, 0x82, 0, 0, 0, 0, '4', '0'}); !assert.NoError(t, err) {
				return c
			}
		}
	}
	return c
}
