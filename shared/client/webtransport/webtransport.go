package webtransport

import (
	"context"
	"errors"
	"io"
	"sync"

	"parley/shared/client/engine"
	"parley/shared/engineio"
)

// MaxMessage is the default of Transport.MaxMessage: 32 MiB.
const MaxMessage = 32 << 20

// A Transport opens WebTransport links. The zero value is ready to use.
type Transport struct {
	// CertificateHashes are SHA-256 hashes of certificates to trust besides those
	// that the platform trusts, for servers without a public certificate.
	// Browsers accept only certificates that are valid for at most two weeks.
	CertificateHashes [][]byte
	// MaxMessage bounds one received message in bytes; a longer one ends the
	// link. Default [MaxMessage].
	MaxMessage int
	// Native holds what only programs outside a browser can set.
	Native
}

// Name returns "webtransport".
func (t *Transport) Name() string { return "webtransport" }

// Dial opens a link; see [engine.Transport]. The address must be https. It may be
// called by several goroutines at once.
func (t *Transport) Dial(ctx context.Context, r engine.Request) (engine.Link, error) {
	s, err := t.open(ctx, r)
	if err != nil {
		return nil, failed(engine.OpDial, err)
	}
	l := &link{s: s, limit: t.MaxMessage}
	if l.limit <= 0 {
		l.limit = MaxMessage
	}
	// The client speaks first here: it names the session it wants to upgrade.
	hello := engineio.Packet{Type: engineio.PacketOpen}
	if sid := r.SID(); sid != "" {
		hello.Data = append(append([]byte(`{"sid":"`), sid...), `"}`...) // printable, as ParseHandshake has seen to
	}
	if err := l.Write(ctx, []engineio.Packet{hello}); err != nil {
		_ = s.close(ctx)
		return nil, failed(engine.OpDial, err)
	}
	return l, nil
}

// stream is the bidirectional stream, as each platform has it. At most one
// goroutine reads and one writes.
type stream interface {
	// read waits for bytes and returns at least one. The end of the stream is
	// io.EOF, the end of the session an error of OpClosed.
	read(ctx context.Context) ([]byte, error)
	write(ctx context.Context, data []byte) error
	// close ends the session and makes a read that waits return.
	close(ctx context.Context) error
}

type link struct {
	s     stream
	limit int
	buf   []byte // received and not yet returned
	err   error  // what ended it, after what is in front of it was returned
	out   []byte // scratch of Write
	once  sync.Once
}

func (l *link) Read(ctx context.Context) ([]engineio.Packet, error) {
	for {
		packets := l.parse()
		if len(packets) > 0 {
			return packets, nil
		}
		if l.err != nil {
			return nil, failed(engine.OpRead, l.err)
		}
		data, err := l.s.read(ctx)
		if errors.Is(err, io.EOF) {
			err = &engine.Error{Transport: "webtransport", Op: engine.OpClosed}
		}
		if err != nil {
			return nil, failed(engine.OpRead, err)
		}
		l.buf = append(l.buf, data...)
	}
}

// parse takes the complete frames out of the buffer, up to a broken one.
func (l *link) parse() []engineio.Packet {
	var packets []engineio.Packet
	rest := l.buf
	for l.err == nil {
		h, err := engineio.ParseFrameHeader(rest, l.limit)
		if err != nil {
			l.err = err
			break
		}
		if h.Size == 0 || len(rest) < h.Size+h.Length {
			break
		}
		frame := rest[h.Size : h.Size+h.Length : h.Size+h.Length]
		rest = rest[h.Size+h.Length:]
		p := engineio.ParseBinary(frame)
		if !h.Binary {
			if p, err = engineio.ParseText(frame); err != nil {
				l.err = err
				break
			}
		}
		packets = append(packets, p)
	}
	if len(packets) > 0 {
		l.buf = append([]byte(nil), rest...) // the packets keep the old array
	}
	return packets
}

func (l *link) Write(ctx context.Context, packets []engineio.Packet) error {
	l.out = l.out[:0]
	for _, p := range packets {
		l.out = engineio.AppendFrame(l.out, p)
	}
	err := l.s.write(ctx, l.out)
	if cap(l.out) > 64<<10 {
		l.out = nil
	}
	if err != nil {
		return failed(engine.OpWrite, err)
	}
	return nil
}

func (l *link) Close(ctx context.Context) error {
	var err error
	l.once.Do(func() { err = l.s.close(ctx) })
	return err
}

// failed names the transport, unless err has done so.
func failed(op string, err error) error {
	if _, ok := errors.AsType[*engine.Error](err); ok {
		return err
	}
	return &engine.Error{Transport: "webtransport", Op: op, Err: err}
}

func closedBy(code int, reason string) error {
	return &engine.Error{Transport: "webtransport", Op: engine.OpClosed, CloseCode: code, CloseReason: reason}
}
