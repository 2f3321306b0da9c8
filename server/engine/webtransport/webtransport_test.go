package webtransport_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	wt "github.com/quic-go/webtransport-go"
	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

// Rows: E11
func TestSession(t *testing.T) {
	f := start(t, engine.Config{})
	c := f.dial("0")
	h, err := engineio.ParseHandshake([]byte(c.read()[1:]))
	require.NoError(t, err)
	require.Empty(t, h.Upgrades)
	for _, n := range []int{1, 124, 125, 126, 65_534, 65_535, 65_536, 300_000} {
		body := strings.Repeat("x", n)
		c.text("4" + body)
		require.Equal(t, "4"+body, c.read())
		c.raw(append(engineio.AppendFrameHeader(nil, true, n), body...))
		require.Equal(t, "b:"+body, c.read())
	}
	c.text("bAQI=")
	require.Equal(t, "b:\x01\x02", c.read())
	require.NoError(t, c.session.CloseWithError(0, "bye"))
	e := await(t, f.ended)
	require.Equal(t, engineio.ReasonTransportClose, e.reason, "%T %v", e.err, e.err)
}

// Rows: E11 E09 E10
func TestUpgrade(t *testing.T) {
	f := start(t, engine.Config{})
	get := func(query string) (int, string) {
		resp, err := http.Get(f.tcp + query)
		require.NoError(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(b)
	}
	_, body := get("")
	require.Contains(t, body, `"upgrades":["websocket","webtransport"]`)
	h, err := engineio.ParseHandshake([]byte(body[1:]))
	require.NoError(t, err)
	c := f.dial(`0{"sid":"` + h.SID + `"}`)
	c.text("2probe")
	require.Equal(t, "3probe", c.read())
	second := f.dial(`0{"sid":"` + h.SID + `"}`)
	second.gone()
	c.text("5")
	c.text("4x")
	require.Equal(t, "4x", c.read())
	status, _ := get("&sid=" + h.SID)
	require.Equal(t, 400, status)
	f.dial(`0{"sid":"` + h.SID + `"}`).gone()
	c.text("1")
	c.gone()
	require.Equal(t, engineio.ReasonTransportClose, await(t, f.ended).reason)
}

// Rows: E11 E12
func TestHeartbeat(t *testing.T) {
	f := start(t, engine.Config{PingInterval: 50 * time.Millisecond, PingTimeout: 5 * time.Second})
	c := f.dial("0")
	c.read()
	for range 3 {
		require.Equal(t, "2", c.read())
		c.text("3")
	}
	c.gone()
	require.Equal(t, engineio.ReasonPingTimeout, await(t, f.ended).reason)
}

// Rows: E11 E13 E23
// Advisories: engine.io-6.6.7
func TestBadFirstPacket(t *testing.T) {
	f := start(t, engine.Config{UpgradeTimeout: 5 * time.Second})
	f.dial("4x").gone()
	require.Equal(t, "no open packet", await(t, f.refused).Message)
	f.dial(`0{"sid":"none"}`).gone()
	require.Equal(t, engineio.UnknownSID, await(t, f.refused).Code)
	f.dial(`0nonsense`).gone()
	require.Equal(t, engineio.UnknownSID, await(t, f.refused).Code)
	c := f.dial("")
	c.raw([]byte{5}) // a header and nothing after it
	c.gone()
	require.Equal(t, "no open packet", await(t, f.refused).Message)
	require.Zero(t, f.Count())
}

// Rows: E11 E17
func TestServerCloses(t *testing.T) {
	f := start(t, engine.Config{})
	c := f.dial("0")
	c.read()
	c.text("4last")
	require.Equal(t, "4last", c.read())
	done := make(chan error, 1)
	go func() { done <- f.Shutdown(t.Context()) }()
	require.Equal(t, engineio.ReasonServerShuttingDown, await(t, f.ended).reason)
	c.gone()
	require.NoError(t, c.session.CloseWithError(0, ""))
	require.NoError(t, await(t, done))
}

// Rows: E11 A08 A09
func TestRefused(t *testing.T) {
	dial := func(f *fixture, header http.Header) int {
		d := &wt.Transport{
			TLSClientConfig: &tls.Config{RootCAs: f.pool, NextProtos: []string{http3.NextProtoH3}},
			QUICConfig:      &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
		}
		defer d.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		resp, _, err := d.Dial(ctx, f.url, header)
		require.Error(t, err)
		require.NotNil(t, resp)
		return resp.StatusCode
	}
	require.Equal(t, 400, dial(start(t, engine.Config{Transports: []string{"polling"}}), nil), "not configured")
	require.Equal(t, 403, dial(start(t, engine.Config{}), http.Header{"Origin": {"https://evil.org"}}))
	require.Equal(t, 403, dial(start(t, engine.Config{AllowRequest: func(*http.Request) error { return io.EOF }}), nil))
}
