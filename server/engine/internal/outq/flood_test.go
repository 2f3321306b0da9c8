package outq

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A message has its time also when the socket is never found empty while it is read;
// a short one that is all there has no need of a deadline.
// Rows: E13
func TestMessageTimeoutInAFlood(t *testing.T) {
	overEach(t, generous(), func(t *testing.T, p *pair) {
		if p.in.raw == nil {
			return // each read there is under the deadline
		}
		for _, c := range []net.Conn{p.peer, p.Conn.Conn} { // so that all is there before it is read
			require.NoError(t, c.(*net.TCPConn).SetWriteBuffer(1<<20))
			require.NoError(t, c.(*net.TCPConn).SetReadBuffer(1<<20))
		}
		p.SetMessageTimeout(time.Nanosecond)
		flood := make([]byte, (fewReads+8)*readSize)
		read := func(size int) (int, error) {
			_, err := p.peer.Write(flood[:size])
			require.NoError(t, err)
			p.BeginMessage()
			part := make([]byte, 64)
			for n := 0; n < size; n += len(part) {
				if _, err := io.ReadFull(p.Conn, part); err != nil {
					return n, err
				}
			}
			return size, nil
		}
		_, err := read(fewReads * readSize / 2)
		require.NoError(t, err)
		require.False(t, p.in.armed)
		p.EndMessage()
		n, err := read(len(flood))
		require.True(t, timedOut(err), "%v", err)
		require.GreaterOrEqual(t, n, fewReads*readSize-64)
		require.True(t, p.Stalled())
	})
}
