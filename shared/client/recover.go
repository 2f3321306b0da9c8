package client

import (
	"encoding/json"
	"errors"
	"fmt"

	"parley/shared/event"
)

// recovery is what a client must remember to take its server-side state over
// after a lost connection (connection state recovery).
type recovery struct {
	pid    string // names the state; "" when the server keeps none
	offset string // of the last stored event that arrived
}

// connectData makes the data of CONNECT: the members of auth, which must become
// a JSON object, with pid and offset before them.
func (r recovery) connectData(auth any) ([]byte, error) {
	var own []byte
	if r.pid != "" && r.offset != "" {
		own, _ = json.Marshal(struct {
			PID    string `json:"pid"`
			Offset string `json:"offset"`
		}{r.pid, r.offset}) // two strings cannot fail
	}
	if auth == nil {
		return own, nil
	}
	data, err := json.Marshal(auth)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	switch {
	case string(data) == "null":
		return own, nil
	case data[0] != '{':
		return nil, errors.New("auth: must become a JSON object")
	case own == nil || string(data) == "{}":
		if own != nil {
			return own, nil
		}
		return data, nil
	}
	own[len(own)-1] = ','
	return append(own, data[1:]...), nil
}

// accepted takes the server's answer to CONNECT and reports whether the state
// was recovered.
func (r *recovery) accepted(pid, offset string) bool {
	if pid != "" && pid == r.pid {
		return true
	}
	*r = recovery{pid: pid, offset: offset}
	return false
}

// take moves the offset and removes it from the arguments, when the last of them
// is one.
func (r *recovery) take(args event.Args, isOffset func(string) bool) event.Args {
	if r.pid == "" || len(args) == 0 {
		return args
	}
	last := args.String(len(args) - 1)
	if last == "" || !isOffset(last) {
		return args
	}
	r.offset = last
	return args[:len(args)-1]
}

// sawOffset notes how far the handlers have come. It runs on the lane.
func (k *core) sawOffset(r recovery) {
	k.conn.mu.Lock()
	defer k.conn.mu.Unlock()
	k.shown = r
}
