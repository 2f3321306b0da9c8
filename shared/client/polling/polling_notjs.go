//go:build !js

package polling

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// Native is what only programs outside a browser can set.
type Native struct {
	// HTTPClient makes the requests; its Transport decides about TLS, proxies and
	// dialling, its Jar about cookies. Its Timeout must be zero or longer than
	// the server's pingInterval. Default http.DefaultClient.
	HTTPClient *http.Client
}

// do makes one request and reads the answer.
func (t *Transport) do(ctx context.Context, c call) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, c.method, c.address, bytes.NewReader(c.body))
	if err != nil {
		return 0, nil, err
	}
	req.Header = http.Header(c.request.Header).Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
		req.Header.Del("Host")
	}
	if c.method == http.MethodPost {
		req.Header.Set("Content-Type", contentType)
	}
	client := t.HTTPClient
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	var from io.Reader = resp.Body
	limit := t.maxBody()
	if limit >= 0 {
		from = io.LimitReader(resp.Body, int64(limit)+1)
	}
	body, err = io.ReadAll(from)
	if err == nil && limit >= 0 && len(body) > limit {
		err = errTooLarge
	}
	return resp.StatusCode, body, err
}
