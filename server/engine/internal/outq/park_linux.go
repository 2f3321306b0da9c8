package outq

import (
	"os"
	"sync"
	"syscall"
)

// lot is where connections wait for data without a goroutine: an epoll set. It
// lives while its group has connections, once one of them has been parked.
type lot struct {
	group *Group
	set   *os.File // in the runtime's own poller, so that no thread blocks
	raw   syscall.RawConn
	fd    int

	mu     sync.Mutex
	parked map[int32]*Conn // by descriptor
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
	l := &lot{group: g, set: os.NewFile(uintptr(fd), "epoll"), fd: fd, parked: map[int32]*Conn{}}
	if l.raw, err = l.set.SyscallConn(); err != nil {
		l.set.Close()
		return nil
	}
	g.track.Go(l.run)
	return l
}

// close ends the lot's goroutine.
func (l *lot) close() { l.set.Close() }

// run wakes the connections that have data.
func (l *lot) run() {
	events := make([]syscall.EpollEvent, eventsAtOnce)
	n := 0
	fetch := func(fd uintptr) bool {
		var err error
		n, err = syscall.EpollWait(int(fd), events, 0)
		return n > 0 || err != nil && err != syscall.EINTR
	}
	for l.raw.Read(fetch) == nil {
		for i := range max(n, 0) {
			l.wake(events[i].Fd, nil)
		}
	}
}

// park adds a connection whose lock is held, so that its descriptor is valid.
func (l *lot) park(c *Conn, resume func()) bool {
	fd := int32(c.sock.fd)
	l.mu.Lock()
	defer l.mu.Unlock()
	op := syscall.EPOLL_CTL_MOD
	if !c.known {
		op = syscall.EPOLL_CTL_ADD
	}
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT, Fd: fd}
	if err := syscall.EpollCtl(l.fd, op, int(fd), &event); err != nil {
		return false
	}
	c.known, c.resume = true, resume
	l.parked[fd] = c
	l.group.track.Add() // instead of the goroutine that ends now
	return true
}

// wake gives the parked connection of that descriptor a goroutine again; with
// only, if it is that one. An event of a descriptor that meanwhile belongs to
// another connection wakes it for nothing, which does no harm.
func (l *lot) wake(fd int32, only *Conn) {
	l.mu.Lock()
	c := l.parked[fd]
	if c == nil || only != nil && c != only {
		l.mu.Unlock()
		return
	}
	delete(l.parked, fd)
	l.mu.Unlock()
	l.group.track.Go(c.resume)
	l.group.track.Done()
}

func (l *lot) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.parked)
}

func (l *lot) wakeConn(c *Conn) { l.wake(int32(c.sock.fd), c) }
