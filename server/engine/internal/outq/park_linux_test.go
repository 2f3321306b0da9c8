package outq

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sendUrgent sends bytes of which the last is urgent.
func sendUrgent(t *testing.T, nc net.Conn, b []byte) {
	raw, err := nc.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	var sendErr error
	require.NoError(t, raw.Control(func(fd uintptr) {
		sendErr = syscall.Sendto(int(fd), b, syscall.MSG_OOB, nil)
	}))
	require.NoError(t, sendErr)
}

// A read ends at urgent data, also when more is there.
func TestUrgentData(t *testing.T) {
	for range 20 {
		overEach(t, generous(), func(t *testing.T, p *pair) {
			if p.in.raw == nil {
				return // it is never parked
			}
			v := &visitor{p: p}
			v.start()
			v.settled(t)
			v.hold.Lock()
			sendUrgent(t, p.peer, []byte("ab!"))
			_, err := p.peer.Write([]byte("cd"))
			v.hold.Unlock() // it is all there before anybody reads
			require.NoError(t, err)
			for _, want := range []string{"ab", "cd"} {
				select {
				case got := <-v.got:
					assert.Equal(t, want, got)
				case <-time.After(5 * time.Second):
					t.Fatal("overlooked")
				}
			}
		})
	}
}
