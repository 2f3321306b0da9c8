package outq

import (
	"net"
	"syscall"
)

// sock is the descriptor of a TCP connection. It stays valid while somebody owns
// the writing: Conn closes it only when nobody does.
type sock struct {
	fd  uintptr
	set bool
}

func sockOf(nc net.Conn) sock {
	t, ok := nc.(*net.TCPConn)
	if !ok {
		return sock{}
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return sock{}
	}
	k := sock{}
	if raw.Control(func(fd uintptr) { k = sock{fd, true} }) != nil {
		return sock{}
	}
	return k
}

func (k sock) ok() bool { return k.set }

// write writes what the socket takes at once; 0 means that it is full.
func (k sock) write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, e := sysWrite(k.fd, b)
		if e != syscall.EINTR {
			return result(n, e)
		}
	}
}

// writev writes two buffers, neither empty.
func (k sock) writev(a, b []byte) (int, error) {
	v := [2]syscall.Iovec{{Base: &a[0]}, {Base: &b[0]}}
	v[0].SetLen(len(a))
	v[1].SetLen(len(b))
	return k.vectored(v[:], len(a)+len(b))
}

// vector is room for the system's form of a vectored write.
type vector []syscall.Iovec

func (k sock) writeVector(room *vector, vec [][]byte) (int, error) {
	v, size := (*room)[:0], 0
	for _, b := range vec {
		size += len(b)
		if len(b) > 0 {
			v = append(v, syscall.Iovec{Base: &b[0]})
			v[len(v)-1].SetLen(len(b))
		}
	}
	n, err := k.vectored(v, size)
	clear(v)
	*room = v[:0]
	return n, err
}

func (k sock) vectored(v []syscall.Iovec, size int) (int, error) {
	for {
		n, e := sysWritev(k.fd, v, size)
		if e != syscall.EINTR {
			return result(n, e)
		}
	}
}

// read reads what is there; -1 and no error mean that nothing is yet.
func (k sock) read(b []byte) (int, error) {
	for {
		n, e := sysRead(k.fd, b)
		if e != syscall.EINTR {
			return received(n, e)
		}
	}
}

// read2 reads into a and what is more into b.
func (k sock) read2(a, b []byte) (int, error) {
	v := [2]syscall.Iovec{{Base: &a[0]}, {Base: &b[0]}}
	v[0].SetLen(len(a))
	v[1].SetLen(len(b))
	for {
		n, e := sysReadv(k.fd, v[:])
		if e != syscall.EINTR {
			return received(n, e)
		}
	}
}

func received(n int, e syscall.Errno) (int, error) {
	switch e {
	case 0:
		return n, nil
	case syscall.EAGAIN:
		return -1, nil
	}
	return 0, e
}

func result(n int, e syscall.Errno) (int, error) {
	switch e {
	case 0:
		return n, nil
	case syscall.EAGAIN:
		return 0, nil
	}
	return 0, e
}
