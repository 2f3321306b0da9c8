//go:build !js

package client

import "net/url"

// defaultNetwork watches nothing: what tells a program about its network is
// another interface on every system. Config.Network takes one.
func defaultNetwork(*url.URL) Network {
	return func(func(NetworkEvent)) func() { return func() {} }
}

// onUnload does nothing: there is no page that could go away.
func onUnload(func()) (stop func()) { return func() {} }

// pageAddress is nil: there is no page.
func pageAddress() *url.URL { return nil }
