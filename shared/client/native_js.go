package client

import (
	"parley/shared/client/polling"
	"parley/shared/client/websocket"
)

// Native is empty in a browser, which decides about TLS and proxies itself.
type Native struct{}

func (Native) apply(*websocket.Transport, *polling.Transport) {}

func (Native) prepare(bool) (Native, func()) { return Native{}, func() {} }
