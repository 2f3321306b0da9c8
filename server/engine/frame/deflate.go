package frame

import (
	"bytes"
	"compress/flate"
)

// Deflated returns the message as a compressed frame (RFC 7692, section 7.2.1)
// that stands for itself, so that all connections that negotiated compression
// without context takeover share it. It is compressed on the first call. When
// the payload is shorter than threshold bytes, when compression would not make
// it shorter, and for frames that are no messages, it returns m itself.
func (m *Message) Deflated(threshold int) *Message {
	n := m.Size() - m.text
	if m.raw || n < threshold {
		return m
	}
	if d := m.deflated.Load(); d != nil {
		return d
	}
	m.deflate.Lock()
	defer m.deflate.Unlock()
	if d := m.deflated.Load(); d != nil {
		return d
	}
	d := m.compress(n)
	m.deflated.Store(d)
	return d
}

func (m *Message) compress(n int) *Message {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil { // the level is a constant
		panic(err)
	}
	for _, part := range [][]byte{m.head[m.text:], m.body} {
		w.Write(part) //nolint:errcheck // a bytes.Buffer takes everything
	}
	w.Flush()                                                         //nolint:errcheck // same
	data := bytes.TrimSuffix(out.Bytes(), []byte("\x00\x00\xff\xff")) // section 7.2.1
	if len(data) >= n {
		return m
	}
	op := byte(opText)
	if m.bin {
		op = opBinary
	}
	d := &Message{kind: m.kind, bin: m.bin, raw: true}
	d.head = appendHeader(make([]byte, 0, 10+len(data)), fin|rsv1|op, len(data))
	d.head = append(d.head, data...)
	return d
}
