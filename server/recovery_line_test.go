package server_test

import (
	"context"
	"errors"
	"strings"
)

// modelLine is a connection of a client.
type modelLine interface {
	connect(auth string)
	frame() (string, error)
	cut()
}

type modelPeer struct{ *peer }

func (p modelPeer) connect(auth string) { p.send("0" + auth) }

func (p modelPeer) frame() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), modelPatience)
	defer cancel()
	_, text, err := p.ws.Read(ctx)
	if ctx.Err() != nil {
		err = errModelSilent
	}
	return string(text), err
}

type modelPoll struct{ *pollingLine }

func (l modelPoll) connect(auth string) { l.write("40" + auth) }
func (l modelPoll) cut()                {} // it does not poll any more

func (l modelPoll) frame() (string, error) {
	if len(l.came) == 0 {
		status, body := l.poll()
		if status != 200 {
			return "", errors.New(body)
		}
		l.came = strings.Split(body, "\x1e")
	}
	text := l.came[0]
	l.came = l.came[1:]
	if text == "1" {
		return "", errors.New("closed")
	}
	return text, nil
}
