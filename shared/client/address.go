package client

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"parley/shared/event"
)

// parseAddress reads what New was given: the server, and the namespace in the
// path (default "/"). Accepted are http, https, ws and wss URLs; "//host" and
// "host" take the page's scheme, or https outside a browser; "" and a path alone
// mean the page's server and need a browser.
func parseAddress(address string, page *url.URL) (server *url.URL, ns event.Namespace, err error) {
	fail := func(err error) (*url.URL, event.Namespace, error) {
		return nil, ns, fmt.Errorf("client: address %q: %w", address, err)
	}
	scheme := "https"
	if page != nil {
		scheme = page.Scheme
	}
	switch {
	case strings.HasPrefix(address, "//"):
		address = scheme + ":" + address
	case address == "" || strings.HasPrefix(address, "/") || strings.HasPrefix(address, "?"):
		if page == nil {
			return fail(errors.New("there is no page whose server could be meant"))
		}
		address = page.Scheme + "://" + page.Host + address
	case !strings.Contains(address, "://"):
		address = scheme + "://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return fail(err)
	}
	switch u.Scheme {
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	case "http", "https":
	default:
		return fail(errors.New("the scheme must be http, https, ws or wss"))
	}
	if u.Host == "" || u.Hostname() == "" {
		return fail(errors.New("no host"))
	}
	ns, err = event.ParseNamespace(u.Path)
	if err != nil {
		return fail(err)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, User: u.User, RawQuery: u.RawQuery}, ns, nil
}
