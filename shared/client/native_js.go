package client

import (
	"net/url"

	"parley/shared/client/polling"
	"parley/shared/client/websocket"
)

// Native is empty in a browser, which decides about TLS and proxies itself.
type Native struct{}

func (Native) apply(*websocket.Transport, *polling.Transport) {}

func (Native) explain(err error, _ string, _ *url.URL) error { return err }

func (Native) prepare(bool) (Native, func()) { return Native{}, func() {} }
