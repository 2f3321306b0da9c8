//go:build !js

package client

import (
	"net/http"
	"net/http/cookiejar"

	"parley/shared/client/polling"
	"parley/shared/client/websocket"
)

// Native is what only programs outside a browser can set.
type Native struct {
	// HTTPClient makes every request and opens every WebSocket: its Transport
	// decides about TLS, client certificates, proxies and dialling, its Jar about
	// cookies. Default: a client of the Conn's own, with the proxy of the
	// environment, which is closed with the Conn.
	HTTPClient *http.Client
}

func (n Native) apply(ws *websocket.Transport, poll *polling.Transport) {
	ws.HTTPClient, poll.HTTPClient = n.HTTPClient, n.HTTPClient
}

// prepare fills in the default and returns what frees it.
func (n Native) prepare(cookies bool) (Native, func()) {
	release := func() {}
	if n.HTTPClient == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		n.HTTPClient = &http.Client{Transport: transport}
		release = transport.CloseIdleConnections
	}
	if cookies && n.HTTPClient.Jar == nil {
		jar, _ := cookiejar.New(nil) // it never fails without options
		client := *n.HTTPClient
		client.Jar = jar
		n.HTTPClient = &client
	}
	return n, release
}
