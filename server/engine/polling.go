package engine

import (
	"parley/server/engine/internal/outq"
	"parley/shared/engineio"
)

// pollState is the part of a session that waits for requests; guarded by the
// session's lock.
type pollState struct {
	queue    []*Message
	bytes    int
	lone     int           // of bytes, what was queued when nothing waited
	excess   outq.Excess   // beyond the bounds
	compress bool          // something in queue may be compressed
	taken    chan struct{} // closed when queue is taken; nil unless wanted
	get      *get          // the poll that waits
	post     *post         // the post that is being received
	heard    bool          // a poll came since the last ping
}

// get is a poll that waits for packets.
type get struct {
	answer chan answer // has room for one
	probed bool        // came while an upgrade waited for its completion
	noopAt instant     // when to let it go because of that, or 0
}

// post is a request that brings packets.
type post struct {
	abort func()  // makes reading its body fail; does not block
	until instant // when to do that, or 0 when the body is there
}

// answer is what a poll gets.
type answer struct {
	packets  []*Message
	bytes    int
	compress bool
	refuse   bool // 400 instead: the session has been upgraded meanwhile
}

// push is add within bounds, as the queue of a connection has them.
func (p *pollState) push(l *outq.Limits, compress bool, packets ...*Message) error {
	if len(p.queue) > 0 && !p.excess.Admits(l, len(p.queue), p.bytes-p.lone, len(packets), sizeOf(packets)) {
		return ErrSlow
	}
	p.add(compress, packets...)
	return nil
}

// add queues packets, and hands them to the poll that waits.
func (p *pollState) add(compress bool, packets ...*Message) {
	if len(p.queue) == 0 {
		p.lone, p.excess = sizeOf(packets), outq.Excess{}
	}
	p.queue = append(p.queue, packets...)
	p.bytes += sizeOf(packets)
	p.compress = p.compress || compress
	if p.get != nil {
		p.reply(p.take())
	}
}

func sizeOf(packets []*Message) (size int) {
	for _, m := range packets {
		size += m.Size()
	}
	return size
}

// take empties the queue.
func (p *pollState) take() answer {
	a := answer{packets: p.queue, bytes: p.bytes, compress: p.compress}
	p.queue, p.bytes, p.compress = nil, 0, false
	if p.taken != nil {
		close(p.taken)
		p.taken = nil
	}
	return a
}

// reply answers the poll that waits.
func (p *pollState) reply(a answer) {
	p.get.answer <- a
	p.get = nil
}

// tick lets a poll go that was held during an upgrade, and gives up a post whose
// body does not come.
func (p *pollState) tick(now instant) {
	if p.post != nil && p.post.until != 0 && now >= p.post.until {
		p.post.until = 0
		p.post.abort()
	}
	if p.get != nil && p.get.noopAt != 0 && now >= p.get.noopAt {
		p.reply(answer{packets: []*Message{noopPacket}})
	}
}

// finish answers whoever waits when the session has ended.
func (p *pollState) finish(e ending) {
	a := p.take()
	switch {
	case e.farewell:
		a = answer{packets: []*Message{noopPacket}}
	case e.graceful:
		a.packets = append(a.packets, closePacket)
	default:
		a = answer{packets: []*Message{closePacket}}
	}
	if p.get != nil {
		p.reply(a)
	}
	if p.post != nil {
		p.post.abort()
		p.post = nil
	}
}

// poll takes a GET. Either the answer is there at once or it comes to g. A
// refused request gets code, which is 0 or more; -1 otherwise.
func (s *Session) poll() (g *get, a answer, code engineio.ErrorCode) {
	code = -1
	s.step(func(do *after) {
		p := s.polling
		switch {
		case s.state == closed:
			code = engineio.UnknownSID
		case p == nil:
			code = engineio.BadRequest
		case p.get != nil:
			code = engineio.BadRequest
			s.finish(do, ending{reason: engineio.ReasonTransportError, err: ErrOverlap})
		case s.state == closing && len(p.queue) > 0:
			a = p.take() // the close comes with the next poll: the reference's client would take it first
		case s.state == closing:
			a = answer{packets: []*Message{closePacket}}
			s.finish(do, ending{reason: s.reason})
		case len(p.queue) > 0:
			p.heard = true
			a = p.take()
		default:
			p.heard = true
			g = &get{answer: make(chan answer, 1)}
			if u := s.upgrade; u != nil && u.probed {
				g.probed = true
				g.noopAt = s.srv.now() + holdPoll
			}
			p.get = g
		}
	})
	return g, a, code
}

// abandon takes the end of a poll's connection, before the poll was answered or
// before the answer was written: what it carried is lost. g is the poll, if it
// had to wait.
func (s *Session) abandon(g *get) {
	s.step(func(do *after) {
		if p := s.polling; p != nil {
			if p.get == g {
				p.get = nil
			}
			s.finish(do, ending{reason: engineio.ReasonTransportError, err: ErrAborted})
		}
	})
}

// outrun takes the end of a poll whose client took too little of the answer for
// too long; that much of it was left.
func (s *Session) outrun(messages, bytes int) {
	s.step(func(do *after) {
		if s.polling != nil {
			e := slow
			e.messages, e.bytes = messages, bytes
			s.finish(do, e)
		}
	})
}

// beginPost takes a POST before its body is read.
func (s *Session) beginPost(abort func()) (p *post, code engineio.ErrorCode) {
	code = -1
	s.step(func(do *after) {
		switch {
		case s.state == closed:
			code = engineio.UnknownSID
		case s.polling == nil:
			code = engineio.BadRequest
		case s.polling.post != nil:
			code = engineio.BadRequest
			s.finish(do, ending{reason: engineio.ReasonTransportError, err: ErrOverlap})
		default:
			p = &post{abort: abort, until: s.srv.now() + instant(s.srv.cfg.MessageTimeout)}
			s.polling.post = p
		}
	})
	return p, code
}

// received takes the end of a POST's body: nothing has to be aborted from then on,
// and must not be, as that would spoil the connection for the requests that follow
// on it. It reports false when that has happened already.
func (s *Session) received(p *post) (intact bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.abort, p.until = func() {}, 0
	return s.polling != nil && s.polling.post == p
}

// failPost takes the failure to read a body. It ends the session, unless the post
// does not matter any more, which is then reported as false.
func (s *Session) failPost(p *post, err error) (ok bool) {
	s.step(func(do *after) {
		if ok = s.polling != nil && s.polling.post == p; ok {
			s.polling.post = nil
			s.finish(do, ending{reason: engineio.ReasonTransportError, err: err})
		}
	})
	return ok
}

// endPost takes the end of a POST, whatever became of it.
func (s *Session) endPost(p *post) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling != nil && s.polling.post == p {
		s.polling.post = nil
	}
}

// deliver hands on the packets of a POST and reports whether the request is to
// be answered with ok. The session is closed otherwise, or uses another
// transport by now.
func (s *Session) deliver(p *post, body []byte) bool {
	s.recv.lock(&s.mu)
	defer s.recv.unlock(&s.mu)
	s.mu.Lock()
	ended := s.state != open
	mine := s.polling != nil && s.polling.post == p
	s.mu.Unlock()
	if !mine {
		return false
	}
	if ended { // a last poll is awaited; what comes in does not matter
		return true
	}
	for packet, err := range engineio.Payload(body, s.srv.cfg.MaxPackets) {
		switch {
		case err != nil:
			s.step(func(do *after) { s.finish(do, ending{reason: engineio.ReasonParseError, err: err}) })
			return false
		case packet.Type == engineio.PacketMessage:
			s.alive.Store(true)
			if task := s.receive(packet); task != nil {
				s.shard.out.Go(task)
			}
		case packet.Type == engineio.PacketClose:
			s.control(packet)
			return true
		default:
			s.control(packet)
		}
		if s.ended.Load() {
			break
		}
	}
	return true
}
