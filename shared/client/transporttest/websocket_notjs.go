//go:build !js

package transporttest

import (
	"context"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"parley/shared/engineio"
)

func serveWebSocket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	c.SetReadLimit(-1)
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	defer func() { _ = c.CloseNow() }()
	Play(&socket{c, ctx}, r)
}

type socket struct {
	c   *websocket.Conn
	ctx context.Context
}

func (s *socket) Send(packets ...engineio.Packet) error {
	for _, p := range packets {
		kind, data := websocket.MessageText, p.AppendText(nil)
		if p.Binary {
			kind, data = websocket.MessageBinary, p.Data
		}
		if err := s.c.Write(s.ctx, kind, data); err != nil {
			return err
		}
	}
	return nil
}

func (s *socket) Raw(text string) error {
	return s.c.Write(s.ctx, websocket.MessageText, []byte(text))
}

func (s *socket) Receive() ([]engineio.Packet, error) {
	kind, data, err := s.c.Read(s.ctx)
	if err != nil {
		return nil, err
	}
	p := engineio.ParseBinary(data)
	if kind == websocket.MessageText {
		if p, err = engineio.ParseText(data); err != nil {
			return nil, err
		}
	}
	return []engineio.Packet{p}, nil
}

func (s *socket) Close(code int, reason string) error {
	return s.c.Close(websocket.StatusCode(code), reason)
}

func (s *socket) Drop() { _ = s.c.CloseNow() }

// Stall leaves the connection open and unread for longer than the test looks.
func (s *socket) Stall() {
	select {
	case <-s.ctx.Done():
	case <-time.After(2 * time.Second):
	}
}
