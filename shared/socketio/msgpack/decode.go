package msgpack

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/tinylib/msgp/msgp"

	"parley/shared/internal/jsonscan"
	"parley/shared/socketio"
)

// reader transcodes one frame. Lengths in it are never believed before the bytes
// are there: nothing is allocated ahead for them.
type reader struct {
	frame  []byte
	rest   []byte // what is not read yet
	limits socketio.Limits

	json      []byte
	atts      [][]byte
	lookalike bool // an object looks like a placeholder
}

func (r *reader) bad(problem string) error {
	return fmt.Errorf("%w: %s at offset %d", ErrSyntax, problem, len(r.frame)-len(r.rest))
}

// packet reads the whole frame. Its result is still to be validated.
func (r *reader) packet() (p socketio.Packet, err error) {
	n, rest, err := msgp.ReadMapHeaderBytes(r.rest)
	if err != nil {
		return p, r.bad("no map")
	}
	r.rest = rest
	var hasType, hasNSP bool
	for range n {
		key, rest, err := msgp.ReadStringZC(r.rest)
		if err != nil {
			return p, r.bad("no key")
		}
		r.rest = rest
		switch string(key) {
		case "type":
			t, err := r.integer(uint64(socketio.PacketConnectError))
			if err != nil {
				return p, fmt.Errorf("%w: %w", socketio.ErrUnknownType, err)
			}
			p.Type, hasType = socketio.PacketType(t), true
		case "nsp":
			nsp, rest, err := msgp.ReadStringZC(r.rest)
			if err != nil {
				return p, fmt.Errorf("%w: no string", socketio.ErrNamespace)
			}
			p.Namespace, hasNSP = string(nsp), true
			r.rest = rest
		case "id":
			if p.HasID = !r.undefined(); p.HasID {
				if p.ID, err = r.integer(socketio.MaxID); err != nil {
					return p, fmt.Errorf("%w: %w", socketio.ErrID, err)
				}
			}
		case "data":
			r.json, r.atts, r.lookalike, p.Data = nil, nil, false, nil
			if !r.undefined() {
				r.json = make([]byte, 0, len(r.rest)+len(r.rest)/4+16)
				if _, err = r.value(0); err != nil {
					return p, err
				}
				p.Data = r.json
			}
		default:
			if r.rest, err = msgp.Skip(r.rest); err != nil {
				return p, r.bad("bad value")
			}
		}
	}
	switch {
	case len(r.rest) > 0:
		return p, r.bad("bytes behind the packet")
	case !hasType:
		return p, fmt.Errorf("%w: none", socketio.ErrUnknownType)
	case !hasNSP:
		return p, fmt.Errorf("%w: none", socketio.ErrNamespace)
	case r.lookalike && len(r.atts) > 0:
		return p, fmt.Errorf("%w: data looks like a placeholder", socketio.ErrAttachments)
	}
	p.Attachments = r.atts
	return p, nil
}

// undefined passes over notepack's undefined and reports whether it was there.
func (r *reader) undefined() bool {
	if len(r.rest) >= 3 && r.rest[0] == fixExt1 && r.rest[1] == 0 {
		r.rest = r.rest[3:]
		return true
	}
	return false
}

// integer reads a number that is whole and within 0 and most.
func (r *reader) integer(most uint64) (uint64, error) {
	if len(r.rest) == 0 {
		return 0, r.bad("unexpected end")
	}
	switch c := r.rest[0]; {
	case c == 0xca || c == 0xcb:
		f, rest, err := r.float(c)
		if err != nil || f != math.Trunc(f) || f < 0 || f > float64(most) {
			return 0, r.bad("number out of bounds")
		}
		r.rest = rest
		return uint64(f), nil
	default:
		n, rest, err := msgp.ReadUint64Bytes(r.rest)
		if err != nil || n > most {
			return 0, r.bad("number out of bounds")
		}
		r.rest = rest
		return n, nil
	}
}

func (r *reader) float(c byte) (float64, []byte, error) {
	if c == 0xca {
		f, rest, err := msgp.ReadFloat32Bytes(r.rest)
		return float64(f), rest, err
	}
	return msgp.ReadFloat64Bytes(r.rest)
}

// value appends the next value as JSON; depth counts the containers around it.
// For undefined it appends nothing and returns false.
func (r *reader) value(depth int) (bool, error) {
	if len(r.rest) == 0 {
		return false, r.bad("unexpected end")
	}
	var rest []byte
	var err error
	switch c := r.rest[0]; {
	case c < 0x80 || c >= 0xe0 || c >= 0xd0 && c <= 0xd3 || c >= 0xcc && c <= 0xce:
		var n int64
		if n, rest, err = msgp.ReadInt64Bytes(r.rest); err == nil {
			r.json = strconv.AppendInt(r.json, n, 10)
		}
	case c == 0xcf:
		var n uint64
		if n, rest, err = msgp.ReadUint64Bytes(r.rest); err == nil {
			r.json = strconv.AppendUint(r.json, n, 10)
		}
	case c == 0xca || c == 0xcb:
		var f float64
		if f, rest, err = r.float(c); err == nil {
			r.number(f)
		}
	case c == 0xc0:
		r.json, rest = append(r.json, "null"...), r.rest[1:]
	case c == 0xc2 || c == 0xc3:
		r.json, rest = strconv.AppendBool(r.json, c == 0xc3), r.rest[1:]
	case c >= 0xa0 && c <= 0xbf || c >= 0xd9 && c <= 0xdb:
		var s []byte
		if s, rest, err = msgp.ReadStringZC(r.rest); err == nil {
			r.json = jsonscan.AppendQuoted(r.json, s)
		}
	case c >= 0xc4 && c <= 0xc6:
		var b []byte
		if b, rest, err = msgp.ReadBytesZC(r.rest); err == nil {
			err = r.attachment(b)
			r.rest = rest
			return true, err
		}
	case c < 0x90 || c == 0xde || c == 0xdf:
		return true, r.object(depth + 1)
	case c < 0xa0 || c == 0xdc || c == 0xdd:
		return true, r.array(depth + 1)
	default:
		return r.extension()
	}
	if err != nil {
		return false, r.bad("bad value")
	}
	r.rest = rest
	return true, nil
}

// number writes what JSON can say of f.
func (r *reader) number(f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		r.json = append(r.json, "null"...)
		return
	}
	r.json = jsonscan.AppendFloat(r.json, f)
}

func (r *reader) attachment(data []byte) error {
	if len(r.atts) == r.limits.MaxAttachments {
		return fmt.Errorf("%w: more than %d", socketio.ErrTooManyAttachments, r.limits.MaxAttachments)
	}
	r.json = append(r.json, `{"_placeholder":true,"num":`...)
	r.json = strconv.AppendInt(r.json, int64(len(r.atts)), 10)
	r.json = append(r.json, '}')
	r.atts = append(r.atts, data)
	return nil
}

func (r *reader) array(depth int) error {
	n, rest, err := msgp.ReadArrayHeaderBytes(r.rest)
	switch {
	case err != nil:
		return r.bad("bad value")
	case depth > r.limits.MaxDepth:
		return fmt.Errorf("%w: nested too deeply", socketio.ErrPayload)
	}
	r.rest = rest
	r.json = append(r.json, '[')
	for i := range n {
		if i > 0 {
			r.json = append(r.json, ',')
		}
		defined, err := r.value(depth)
		if err != nil {
			return err
		}
		if !defined {
			r.json = append(r.json, "null"...)
		}
	}
	r.json = append(r.json, ']')
	return nil
}

func (r *reader) object(depth int) error {
	n, rest, err := msgp.ReadMapHeaderBytes(r.rest)
	switch {
	case err != nil:
		return r.bad("bad value")
	case depth > r.limits.MaxDepth:
		return fmt.Errorf("%w: nested too deeply", socketio.ErrPayload)
	}
	r.rest = rest
	r.json = append(r.json, '{')
	first := len(r.json)
	for range n {
		before := len(r.json)
		if before > first {
			r.json = append(r.json, ',')
		}
		mark, err := r.key()
		if err != nil {
			return err
		}
		r.json = append(r.json, ':')
		start := len(r.json)
		defined, err := r.value(depth)
		if err != nil {
			return err
		}
		if !defined {
			r.json = r.json[:before]
		} else if mark && string(r.json[start:]) == "true" {
			r.lookalike = true
		}
	}
	r.json = append(r.json, '}')
	return nil
}

// key reads a member name, which may be a number that JavaScript can hold, and tells whether it is the
// mark of placeholders.
func (r *reader) key() (mark bool, err error) {
	if s, rest, err := msgp.ReadStringZC(r.rest); err == nil {
		r.rest = rest
		r.json = jsonscan.AppendQuoted(r.json, s)
		return string(s) == "_placeholder", nil
	}
	n, rest, err := msgp.ReadInt64Bytes(r.rest)
	if err != nil || n > maxSafeInteger || n < -maxSafeInteger {
		return false, r.bad("bad key")
	}
	r.rest = rest
	r.json = append(r.json, '"')
	r.json = strconv.AppendInt(r.json, n, 10)
	r.json = append(r.json, '"')
	return false, nil
}

const (
	ext8     = 0xc7
	ext16    = 0xc8
	ext32    = 0xc9
	fixExt1  = 0xd4
	fixExt8  = 0xd7
	fixExt16 = 0xd8
)

// extension reads an extension value, see [New].
func (r *reader) extension() (bool, error) {
	code, typ, data, err := r.extensionParts()
	if err != nil {
		return false, err
	}
	switch {
	case typ == 0 && code == fixExt1:
		return false, nil
	case typ == 0 && code == fixExt8:
		r.date(int64(binary.BigEndian.Uint64(data)))
		return true, nil
	case typ == 0 && code <= ext32:
		return true, r.attachment(data)
	case typ == -1 && r.timestamp(data):
		return true, nil
	}
	r.json = append(r.json, '[')
	r.json = strconv.AppendInt(r.json, int64(typ), 10)
	r.json = append(r.json, ',')
	err = r.attachment(data)
	r.json = append(r.json, ']')
	return true, err
}

func (r *reader) extensionParts() (code byte, typ int8, data []byte, err error) {
	code = r.rest[0]
	head, size := 2, 0
	switch {
	case code >= fixExt1 && code <= fixExt16:
		size = 1 << (code - fixExt1)
	case code == ext8 && len(r.rest) >= 2:
		head, size = 3, int(r.rest[1])
	case code == ext16 && len(r.rest) >= 3:
		head, size = 4, int(binary.BigEndian.Uint16(r.rest[1:]))
	case code == ext32 && len(r.rest) >= 5:
		head, size = 6, int(min(binary.BigEndian.Uint32(r.rest[1:]), math.MaxInt32))
	default:
		return 0, 0, nil, r.bad("bad value")
	}
	if len(r.rest) < head || len(r.rest)-head < size {
		return 0, 0, nil, r.bad("unexpected end")
	}
	typ, data = int8(r.rest[head-1]), r.rest[head:head+size:head+size]
	r.rest = r.rest[head+size:]
	return code, typ, data, nil
}
