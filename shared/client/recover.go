package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/shared/event"
)

// Recovery is what a client needs to take over its state on the server after a
// lost connection: socket id, rooms, and the events it missed (connection state
// recovery). A Conn handles it by itself; a program that wants the same across a
// restart, such as a page that is reloaded, stores the value of Socket.Recovery
// and gives it to Socket.SetRecovery of the new Conn before it connects.
type Recovery struct {
	PID    string `json:"pid"`    // a secret that names the state; "" when the server keeps none
	Offset string `json:"offset"` // the last stored event
}

// Recovery returns where the handlers of this Socket stand: an event whose
// handlers have not returned yet would be replayed. It is zero when the server
// does not offer recovery.
func (s *Socket) Recovery() Recovery {
	s.lock()
	defer s.unlock()
	return s.core.shown
}

// SetRecovery makes the next CONNECT ask for that state. It has an effect only
// until the namespace has been connected. If the server does not have the state
// any more, the Socket connects anew and Recovered reports false.
func (s *Socket) SetRecovery(r Recovery) {
	s.lock()
	defer s.unlock()
	s.core.session = recovery{Recovery: r, form: formOf(r.Offset)}
	s.core.shown = r
}

// recovery is a Recovery with what was learned about the server's offsets.
type recovery struct {
	Recovery
	form offsetForm
}

// connectData makes the data of CONNECT: the members of auth, which must become
// a JSON object, with pid and offset before them, so that auth's win as with the
// reference. The offset may be missing: a server that needs none takes the pid.
func (r *recovery) connectData(auth any) ([]byte, error) {
	var own []byte
	if r.PID != "" {
		own, _ = json.Marshal(struct {
			PID    string `json:"pid"`
			Offset string `json:"offset,omitempty"`
		}{r.PID, r.Offset}) // strings cannot fail
	}
	if auth == nil {
		return own, nil
	}
	data, err := json.Marshal(auth)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	switch {
	case string(data) == "null", string(data) == "{}" && own != nil:
		return own, nil
	case data[0] != '{':
		return nil, errors.New("auth: must become a JSON object")
	case own == nil:
		return data, nil
	}
	own[len(own)-1] = ','
	return append(own, data[1:]...), nil
}

// accepted takes the server's answer to CONNECT and reports whether the state
// was recovered. offset is the position a server of ours begins with; it shows
// what its offsets look like.
func (r *recovery) accepted(pid, offset string) bool {
	if pid != "" && pid == r.PID {
		return true
	}
	*r = recovery{Recovery: Recovery{pid, offset}, form: formOf(offset)}
	return false
}

// take moves the offset and removes it from the arguments, when the last of them
// is one. Only an event that the server has stored has one: it asks for no
// acknowledgement and was not sent as volatile, which the packet does not tell.
func (r *recovery) take(args event.Args, isOffset func(string) bool, now time.Time) event.Args {
	if r.PID == "" || len(args) == 0 {
		return args
	}
	last := args.String(len(args) - 1)
	if last == "" {
		return args
	}
	if isOffset != nil {
		if !isOffset(last) {
			return args
		}
	} else if form, ok := r.form.match(last, now); ok {
		r.form = form
	} else {
		return args
	}
	r.Offset = last
	return args[:len(args)-1]
}

// offsetForm is what the offsets of a server look like. A client of the reference
// takes any last string for an offset, so that one volatile event which ends in a
// string spoils the next recovery. Here the string must have the form of the
// server's adapter, and that form, once seen, stays the same for the session.
type offsetForm struct {
	kind   formKind
	prefix string // of formPrefix
}

type formKind byte

const (
	formUnknown formKind = iota
	formTime             // yeast, as the in-memory adapter of the reference: a time in base 64
	formStream           // Redis streams: milliseconds, "-", a number
	formObject           // MongoDB: an ObjectId, which begins with seconds
	formPrefix           // this project's server: a constant prefix up to the last "."
	formAny              // a server that names its first offset, in no form known here
)

// formOf is the form of an offset that is known to be one.
func formOf(offset string) offsetForm {
	if offset == "" {
		return offsetForm{}
	}
	if kind, _ := timed(offset); kind != formUnknown {
		return offsetForm{kind: kind}
	}
	if i := strings.LastIndexByte(offset, '.'); i > 0 {
		return offsetForm{formPrefix, offset[:i+1]}
	}
	return offsetForm{kind: formAny}
}

// match reports whether s is an offset of this form, or of any form with a time
// when none is known yet. The time must be within a day of the clock here.
func (f offsetForm) match(s string, now time.Time) (offsetForm, bool) {
	switch f.kind {
	case formAny:
		return f, true
	case formPrefix:
		return f, strings.HasPrefix(s, f.prefix) && len(s) > len(f.prefix)
	}
	kind, at := timed(s)
	if kind == formUnknown || f.kind != formUnknown && f.kind != kind {
		return f, false
	}
	return offsetForm{kind: kind}, now.Sub(at).Abs() < 24*time.Hour
}

// timed recognises the forms that hold a time.
func timed(s string) (formKind, time.Time) {
	if ms, n, ok := strings.Cut(s, "-"); ok && len(ms) == 13 && n != "" {
		if v, ok := number(ms, digits[:10]); ok {
			if _, ok := number(n, digits[:10]); ok {
				return formStream, time.UnixMilli(v)
			}
		}
	}
	if len(s) == 24 {
		if _, ok := number(s[8:16], hexDigits); ok {
			if _, ok := number(s[16:], hexDigits); ok {
				if v, ok := number(s[:8], hexDigits); ok {
					return formObject, time.Unix(v, 0)
				}
			}
		}
	}
	stamp, seed, seeded := strings.Cut(s, ".")
	if len(stamp) == 7 && len(seed) <= 7 && seeded == (seed != "") {
		if _, ok := number(seed, digits); ok {
			if v, ok := number(stamp, digits); ok {
				return formTime, time.UnixMilli(v)
			}
		}
	}
	return formUnknown, time.Time{}
}

const (
	digits    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
	hexDigits = "0123456789abcdef"
)

// number reads s as a number whose base is the length of the alphabet. What does
// not fit wraps around: only times of known length are looked at.
func number(s, alphabet string) (v int64, ok bool) {
	for i := range len(s) {
		d := strings.IndexByte(alphabet, s[i])
		if d < 0 {
			return 0, false
		}
		v = v*int64(len(alphabet)) + int64(d)
	}
	return v, true
}

// sawOffset notes how far the handlers have come. It runs on the lane.
func (k *core) sawOffset(r Recovery) {
	k.conn.mu.Lock()
	defer k.conn.mu.Unlock()
	if r.PID == k.session.PID {
		k.shown = r
	}
}
