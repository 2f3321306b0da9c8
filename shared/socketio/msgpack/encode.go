package msgpack

import (
	"math"
	"strconv"

	"github.com/tinylib/msgp/msgp"

	"parley/shared/internal/jsonscan"
	"parley/shared/socketio"
)

// appendPacket writes a packet that is valid.
func appendPacket(dst []byte, p *socketio.Packet) ([]byte, error) {
	members := uint32(2)
	if p.Data != nil {
		members++
	}
	if p.HasID {
		members++
	}
	dst = msgp.AppendMapHeader(dst, members)
	dst = msgp.AppendString(dst, "type")
	dst = msgp.AppendUint64(dst, uint64(p.Type))
	if p.Data != nil {
		w := writer{dst: msgp.AppendString(dst, "data"), text: p.Data, atts: p.Attachments}
		if len(p.Attachments) > 0 {
			var x jsonscan.Index
			if err := x.Scan(p.Data, jsonscan.Options{MaxDepth: math.MaxInt, Placeholders: true}); err != nil {
				return nil, err
			}
			w.marks = x.Placeholders
		}
		w.countElements()
		w.value(skipSpace(p.Data, 0))
		dst = w.dst
	}
	if p.HasID {
		dst = msgp.AppendString(dst, "id")
		dst = msgp.AppendUint64(dst, p.ID)
	}
	dst = msgp.AppendString(dst, "nsp")
	return msgp.AppendString(dst, p.Namespace), nil
}

// writer transcodes validated JSON text.
type writer struct {
	dst   []byte
	text  []byte
	atts  [][]byte
	marks []jsonscan.Placeholder // those still ahead

	// How many elements each container has, in the order in which they open. The
	// first are kept in an array, so that small packets need no slice for it.
	few  [32]uint32
	many []uint32
	next int // which one opens next
}

// countElements counts the elements of every array and object in one pass,
// because MessagePack wants them first. Placeholders are passed over.
func (w *writer) countElements() {
	var few [32]int
	open := few[:0] // which containers are open
	marks, n := w.marks, 0
	for i := 0; i < len(w.text); {
		if len(marks) > 0 && marks[0].Start == i {
			i, marks = marks[0].End, marks[1:]
			continue
		}
		switch w.text[i] {
		case '"':
			i = jsonscan.Skip(w.text, i)
			continue
		case '[', '{':
			open = append(open, n)
			if n >= len(w.few) {
				w.many = append(w.many, 0)
			}
			if next := skipSpace(w.text, i+1); w.text[next] != ']' && w.text[next] != '}' {
				*w.elements(n) = 1
			}
			n++
		case ',':
			*w.elements(open[len(open)-1])++
		case ']', '}':
			open = open[:len(open)-1]
		}
		i++
	}
}

// elements is the count of container n.
func (w *writer) elements(n int) *uint32 {
	if n < len(w.few) {
		return &w.few[n]
	}
	return &w.many[n-len(w.few)]
}

// value writes the value that begins at i and returns the offset behind it.
func (w *writer) value(i int) int {
	if len(w.marks) > 0 && w.marks[0].Start == i {
		w.dst = msgp.AppendBytes(w.dst, w.atts[w.marks[0].Num])
		i = w.marks[0].End
		w.marks = w.marks[1:]
		return i
	}
	switch w.text[i] {
	case '[':
		n := w.size()
		w.dst = msgp.AppendArrayHeader(w.dst, n)
		i++
		for range n {
			i = skipComma(w.text, w.value(skipSpace(w.text, i)))
		}
		return skipSpace(w.text, i) + 1
	case '{':
		n := w.size()
		w.dst = msgp.AppendMapHeader(w.dst, n)
		i++
		for range n {
			i = w.string(skipSpace(w.text, i))
			i = skipSpace(w.text, i) + 1 // colon
			i = skipComma(w.text, w.value(skipSpace(w.text, i)))
		}
		return skipSpace(w.text, i) + 1
	case '"':
		return w.string(i)
	}
	end := jsonscan.Skip(w.text, i)
	switch text := w.text[i:end]; text[0] {
	case 'n':
		w.dst = msgp.AppendNil(w.dst)
	case 't', 'f':
		w.dst = msgp.AppendBool(w.dst, text[0] == 't')
	default:
		w.number(text)
	}
	return end
}

// size is the count of the container that opens now.
func (w *writer) size() uint32 {
	w.next++
	return *w.elements(w.next - 1)
}

func (w *writer) string(i int) int {
	end := jsonscan.Skip(w.text, i)
	text := w.text[i+1 : end-1]
	var few [64]byte
	w.dst = msgp.AppendStringFromBytes(w.dst, jsonscan.AppendUnquoted(few[:0], text))
	return end
}

// number writes whole numbers as integers, however they are spelled.
func (w *writer) number(text []byte) {
	if n, ok := smallInteger(text); ok {
		w.integer(n)
		return
	}
	s := string(text)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		w.integer(n)
		return
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		w.dst = msgp.AppendUint64(w.dst, n)
		return
	}
	f, _ := strconv.ParseFloat(s, 64) // out of range: an infinity, which is what JavaScript reads too
	if f != math.Trunc(f) || math.Abs(f) > maxSafeInteger {
		w.dst = msgp.AppendFloat64(w.dst, f)
		return
	}
	w.integer(int64(f))
}

// maxSafeInteger is the greatest whole number up to which a float64 holds all.
const maxSafeInteger = 1<<53 - 1

// integer writes n as notepack would: without a sign if it has none.
func (w *writer) integer(n int64) {
	if n < 0 {
		w.dst = msgp.AppendInt64(w.dst, n)
	} else {
		w.dst = msgp.AppendUint64(w.dst, uint64(n))
	}
}

// smallInteger reads up to 15 digits without a fraction or exponent.
func smallInteger(text []byte) (n int64, ok bool) {
	digits := text
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) > 15 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if len(digits) < len(text) {
		n = -n
	}
	return n, true
}

func skipSpace(text []byte, i int) int {
	for text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n' {
		i++
	}
	return i
}

// skipComma passes over white space and one comma.
func skipComma(text []byte, i int) int {
	if i = skipSpace(text, i); text[i] == ',' {
		i++
	}
	return i
}
