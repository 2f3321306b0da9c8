//go:build !js

package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

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

// explain adds to the error of an attempt what is wrong with an address that names
// no scheme, where that is it.
func (Native) explain(err error, address string, server *url.URL) error {
	if !errors.Is(err, http.ErrSchemeMismatch) || strings.Contains(address, "://") {
		return err
	}
	return fmt.Errorf("%w (the address has no scheme, which means https: write \"http://%s\")", err, server.Host)
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
