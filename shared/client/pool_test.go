package client_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/client"
	"parley/shared/client/engine"
	"parley/shared/client/internal/script"
)

// Rows: F01 F02
func TestPoolSharesConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := script.New()
		pool := client.NewPool(client.Config{Transports: []engine.Transport{server.Transport("websocket")}})
		a, err := pool.Socket("http://one/a")
		require.NoError(t, err)
		b, err := pool.Socket("ws://one/b?x=1")
		require.NoError(t, err)
		again, err := pool.Socket("http://one/a")
		require.NoError(t, err)
		other, err := pool.Socket("http://two/a")
		require.NoError(t, err)
		assert.Same(t, a, again)
		assert.Same(t, a.Conn(), b.Conn())
		assert.NotSame(t, a.Conn(), other.Conn())
		synctest.Wait()
		assert.Equal(t, 2, server.Dials())
		_, err = pool.Socket("ftp://x")
		require.Error(t, err)
		require.NoError(t, pool.Close())
		_, err = pool.Socket("http://one/a")
		assert.ErrorIs(t, err, client.ErrClosed)
		assert.ErrorIs(t, a.Emit("x"), client.ErrClosed)
	})
}
