package server

import (
	"encoding/json"
	"fmt"
)

// Key is the name of something that belongs to a socket, with its type. It is a typed view of [Socket.Set] and
// [Socket.Get]: what is stored under it is found there under the same name, and by servers of the reference in
// socket.data.
type Key[T any] struct{ name string }

// NewKey declares something that belongs to a socket.
func NewKey[T any](name string) Key[T] { return Key[T]{name} }

// Set stores v. With recovery it is there again when the client has come back.
func (k Key[T]) Set(s *Socket, v T) { s.Set(k.name, v) }

// Get returns what was stored; ok is false when there is nothing, or something of another type.
func (k Key[T]) Get(s *Socket) (v T, ok bool) {
	v, ok = s.Get(k.name).(T)
	return v, ok
}

// Of returns what a fetched socket had; ok is false when there was nothing. On its way from another server it was JSON:
// an error says that this does not fit T.
func (k Key[T]) Of(r RemoteSocket) (v T, ok bool, err error) {
	data, ok := r.Data()[k.name]
	if !ok {
		return v, false, nil
	}
	if v, ok := data.(T); ok {
		return v, true, nil
	}
	text, err := json.Marshal(data)
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		return v, false, fmt.Errorf("server: data %q of a socket: %w", k.name, err)
	}
	return v, true, nil
}
