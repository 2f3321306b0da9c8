package frame

import (
	"sync"
	"unsafe"
)

// Bounds of what [Buffers] keeps.
const (
	longBuffer  = 16 << 10 // shorter ones cost little to make anew
	keptBuffers = 16
	keptBytes   = 4 << 20
)

// Buffers keeps the memory of long received messages that nobody uses any more
// for those that come next: the last one first, which the processor still has in
// its cache. It keeps at most 16 buffers and 4 MiB. The zero value is ready. All
// methods may be called concurrently.
type Buffers struct {
	mu    sync.Mutex
	free  [][]byte
	bytes int
}

// Get returns n bytes with any content, or nil when there is no buffer for them.
func (p *Buffers) Get(n int) []byte {
	if n < longBuffer {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.free) - 1; i >= 0; i-- {
		if b := p.free[i]; n <= cap(b) && cap(b) <= 2*n {
			last := len(p.free) - 1
			copy(p.free[i:], p.free[i+1:])
			p.free[last] = nil
			p.free = p.free[:last]
			p.bytes -= cap(b)
			return b[:n]
		}
	}
	return nil
}

// Put takes a buffer that nobody else refers to, up to its capacity. One that is there
// already is not taken twice.
func (p *Buffers) Put(b []byte) {
	if cap(b) < longBuffer || cap(b) > keptBytes {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, free := range p.free {
		if unsafe.SliceData(free) == unsafe.SliceData(b) {
			return
		}
	}
	for len(p.free) == keptBuffers || p.bytes+cap(b) > keptBytes { // the oldest go
		p.bytes -= cap(p.free[0])
		p.free[0] = nil
		p.free = p.free[1:]
	}
	p.free = append(p.free, b)
	p.bytes += cap(b)
}

// Recycle puts a buffer back that nobody uses any more but perhaps messages that
// are still to be sent, each to one receiver: then once its message is written.
// A buffer that does not get that far, or is not in exactly one message as a
// whole, is left to the garbage collector.
func (p *Buffers) Recycle(b []byte, in ...*Message) {
	var only *Message
	for _, m := range in {
		if !overlap(m.body, b) {
			continue
		}
		if only != nil || len(m.body) != len(b) || &m.body[0] != &b[0] {
			return
		}
		only = m
	}
	if only == nil {
		p.Put(b)
		return
	}
	only.buffers = p
}

// Written tells that the only receiver's transport has written the message and is
// done with it. The message must not be used any more.
func (m *Message) Written() {
	if m.buffers != nil {
		m.buffers.Put(m.body)
	}
}

// overlap reports whether a has a byte of b's memory, up to b's capacity.
func overlap(a, b []byte) bool {
	if len(a) == 0 || cap(b) == 0 {
		return false
	}
	from, at := uintptr(unsafe.Pointer(unsafe.SliceData(a))), uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	return from < at+uintptr(cap(b)) && at < from+uintptr(len(a))
}
