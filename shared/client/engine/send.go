package engine

import "parley/shared/engineio"

// Send queues packets and returns at once; they leave together, in the order of
// the Send calls. Errors: ErrClosed, ErrQueueFull; nothing was queued then. The
// session reads the data until it has left, so it must not be changed.
func (s *Session) Send(packets ...engineio.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.closing {
		return ErrClosed
	}
	n := size(packets)
	if held := s.queued + s.inFlight; held > 0 && held+n > s.cfg.MaxQueued {
		return ErrQueueFull
	}
	s.push(n, packets)
	return nil
}

// Flush is Send without the bound of the queue, for what its caller has bounded
// already. The only error is ErrClosed.
func (s *Session) Flush(packets ...engineio.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.closing {
		return ErrClosed
	}
	s.push(size(packets), packets)
	return nil
}

// SendVolatile is Send for packets that may be dropped: it drops them with
// ErrNotWritable when something else still waits to leave.
func (s *Session) SendVolatile(packets ...engineio.Packet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.closing {
		return ErrClosed
	}
	if !s.writable() {
		return ErrNotWritable
	}
	s.push(size(packets), packets)
	return nil
}

// Writable reports whether a packet sent now would leave at once.
func (s *Session) Writable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.ended && !s.closing && s.writable()
}

// Buffered is how many bytes wait to be handed to the transport.
func (s *Session) Buffered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queued + s.inFlight
}

func (s *Session) writable() bool {
	return len(s.queue) == 0 && !s.writing && s.upgrade != upgradeSwitching
}

// enqueue queues a control packet, also while a Close waits.
func (s *Session) enqueue(p engineio.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.push(len(p.Data), []engineio.Packet{p})
	}
}

func (s *Session) push(n int, packets []engineio.Packet) {
	s.queue = append(s.queue, packets...)
	s.queued += n
	s.wake()
}

func (s *Session) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

func size(packets []engineio.Packet) int {
	n := 0
	for i := range packets {
		n += len(packets[i].Data) + 1
	}
	return n
}

// write hands queued packets to the link, all that wait at a time.
func (s *Session) write() {
	var spare []engineio.Packet
	for {
		link, batch := s.take(spare)
		if batch == nil {
			select {
			case <-s.kick:
				continue
			case <-s.ctx.Done():
				return
			}
		}
		err := link.Write(s.ctx, batch)
		if err == nil && s.cfg.Trace.Sent != nil {
			for _, p := range batch {
				s.cfg.Trace.Sent(p)
			}
		}
		s.wrote(link, err)
		clear(batch)
		spare = batch[:0]
	}
}

// take moves the queue to the writer, unless an upgrade holds it back.
func (s *Session) take(spare []engineio.Packet) (Link, []engineio.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pauseWriting() || len(s.queue) == 0 || s.ended {
		return nil, nil
	}
	batch := s.queue
	s.queue, s.inFlight, s.queued = spare, s.queued, 0
	s.writing = true
	return s.link, batch
}

func (s *Session) wrote(link Link, err error) {
	s.mu.Lock()
	s.writing, s.inFlight = false, 0
	if err != nil && s.link == link {
		s.endLocked(engineio.ReasonTransportError, err)
	}
	empty := !s.ended && len(s.queue) == 0
	if empty && s.drained != nil && s.upgrade != upgradeSwitching {
		close(s.drained)
		s.drained = nil
	}
	s.mu.Unlock()
	if empty && s.cfg.Trace.Drained != nil {
		s.cfg.Trace.Drained()
	}
}
