package engineio

import (
	"bytes"
	"iter"
)

// Separator stands between the packets of a payload, the body of a polling
// request or response.
const Separator = 0x1e

// AppendPayload appends the packets in their text form with a [Separator]
// between them. dst must not already hold part of a payload.
func AppendPayload(dst []byte, ps ...Packet) []byte {
	for i, p := range ps {
		if i > 0 {
			dst = append(dst, Separator)
		}
		dst = p.AppendText(dst)
	}
	return dst
}

// Payload yields the packets of a payload in order. The first error is yielded
// with a zero Packet and ends the sequence: a packet that [ParseText] refuses,
// an empty body among them, or [ErrTooManyPackets] when more than maxPackets
// were sent (0: no bound). Packets before the error have been yielded by then.
func Payload(body []byte, maxPackets int) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		for n := 1; ; n++ {
			if maxPackets > 0 && n > maxPackets {
				yield(Packet{}, ErrTooManyPackets)
				return
			}
			frame, rest, more := bytes.Cut(body, separator)
			p, err := ParseText(frame)
			if err != nil {
				yield(Packet{}, err)
				return
			}
			if !yield(p, nil) || !more {
				return
			}
			body = rest
		}
	}
}

var separator = []byte{Separator}
