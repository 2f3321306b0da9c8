package outq

import (
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// lot is where connections wait for data without a goroutine: an epoll set. It
// lives while its group has connections, once one of them has entered.
type lot struct {
	group *Group
	set   *os.File // in the runtime's own poller, so that no thread blocks
	raw   syscall.RawConn
	fd    int
	peek  func(fd uintptr) // look's, made once

	mu     sync.Mutex
	places []occupant
	free   []int32 // indexes of places
}

// place is where a connection is in its lot: an index above 0, and which of the
// connections that had that index it is. The system keeps both for us.
type place struct{ index, turn int32 }

// none reports whether the connection is in no lot.
func (p place) none() bool { return p.index == 0 }

type occupant struct {
	conn *Conn
	turn int32
}

// eventsAtOnce is how many connections are fetched in one system call.
const eventsAtOnce = 128

// newLot returns a lot whose goroutine runs until close, or nil if the system
// does not give us one.
func newLot(g *Group) *lot {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return nil
	}
	l := &lot{group: g, set: os.NewFile(uintptr(fd), "epoll"), fd: fd, places: make([]occupant, 1)}
	if l.raw, err = l.set.SyscallConn(); err == nil {
		err = l.set.SetReadDeadline(time.Time{}) // it is not in the runtime's poller if that fails
	}
	if err != nil {
		l.set.Close()
		return nil
	}
	seen := new(catch)
	l.peek = func(fd uintptr) { l.rouse(fd, seen) } //nolint:errcheck // run meets the error too
	g.track.Go(l.run)
	return l
}

// close ends the lot's goroutine.
func (l *lot) close() { l.set.Close() }

// catch is room for what is fetched in one system call.
type catch struct {
	events [eventsAtOnce]syscall.EpollEvent
	conns  [eventsAtOnce]*Conn
}

// run rouses the connections to which something has come, as it comes.
func (l *lot) run() {
	into := new(catch)
	l.raw.Read(func(fd uintptr) bool { //nolint:errcheck // it ends when the set is closed
		for {
			n, err := l.rouse(fd, into)
			if err != 0 {
				return true
			}
			if n < eventsAtOnce { // else there may be more, of which we would not be told again
				return false
			}
		}
	})
}

// look rouses the connections to which something has come by now. Only the
// flusher calls it.
func (l *lot) look() { l.raw.Control(l.peek) } //nolint:errcheck // the set is closed then

// rouse fetches what is there, and does not wait for it.
func (l *lot) rouse(fd uintptr, into *catch) (int, syscall.Errno) {
	n, err := epollWait(fd, into.events[:])
	if err == syscall.EINTR {
		return eventsAtOnce, 0 // again
	}
	if err != 0 {
		return 0, err
	}
	l.find(into.events[:n], into.conns[:n])
	for i, c := range into.conns[:n] {
		if c != nil {
			c.rouse(meaning(into.events[i].Events))
		}
	}
	clear(into.conns[:n])
	return n, 0
}

// epollWait fetches what is there and does not wait.
func epollWait(fd uintptr, events []syscall.EpollEvent) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	return int(n), e
}

// news is what the lot wants to be told, once each time.
const news = syscall.EPOLLIN | syscall.EPOLLPRI | syscall.EPOLLRDHUP | syscall.EPOLLET&0xffffffff

// meaning tells a reader what has come. A read ends at urgent data even when there
// is more: who sends that, and no WebSocket client does, is not parked any more.
func meaning(events uint32) uint32 {
	if events&(syscall.EPOLLPRI|syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0 {
		return arrived | ended
	}
	return arrived
}

// find looks up whose events these are; nil for a connection that has left.
func (l *lot) find(events []syscall.EpollEvent, conns []*Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range events {
		if o := l.places[events[i].Fd]; o.turn == events[i].Pad {
			conns[i] = o.conn
		}
	}
}

// enter adds a connection whose lock is held, so that its descriptor is valid.
// What has come already counts as news.
func (l *lot) enter(c *Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	var at int32
	if n := len(l.free); n > 0 {
		at, l.free = l.free[n-1], l.free[:n-1]
	} else {
		at = int32(len(l.places))
		l.places = append(l.places, occupant{})
	}
	o := &l.places[at]
	o.turn++
	o.conn = c
	event := syscall.EpollEvent{Events: news, Fd: at, Pad: o.turn}
	if err := syscall.EpollCtl(l.fd, syscall.EPOLL_CTL_ADD, int(c.sock.fd), &event); err != nil {
		o.conn = nil
		l.free = append(l.free, at)
		return false
	}
	c.in.place = place{at, o.turn}
	return true
}

// leave takes back the place of a connection that is being closed; the system
// forgets a closed socket by itself.
func (l *lot) leave(p place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := &l.places[p.index]; !p.none() && o.turn == p.turn && o.conn != nil {
		o.conn = nil
		l.free = append(l.free, p.index)
	}
}
