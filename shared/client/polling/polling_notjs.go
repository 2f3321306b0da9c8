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
	// Without GetBody net/http does not repeat a request on another connection: the
	// answer that was lost with the first may have held packets.
	from := io.NopCloser(bytes.NewReader(c.body))
	req, err := http.NewRequestWithContext(ctx, c.method, c.address, from)
	if err != nil {
		return 0, nil, err
	}
	req.ContentLength = int64(len(c.body))
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
	var answer io.Reader = resp.Body
	limit := t.maxBody()
	if limit >= 0 {
		answer = io.LimitReader(resp.Body, int64(limit)+1)
	}
	body, err = io.ReadAll(answer)
	if err == nil && limit >= 0 && len(body) > limit {
		err = errTooLarge
	}
	return resp.StatusCode, body, err
}
