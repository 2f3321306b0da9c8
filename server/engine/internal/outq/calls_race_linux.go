//go:build race

package outq

import (
	"syscall"
	"unsafe"
)

// Under the race detector the same calls go through package syscall, which tells
// the detector that what one side writes and the other reads orders them, as it
// does for every other connection.

func sysWrite(fd uintptr, b []byte) (int, syscall.Errno) {
	n, err := syscall.Write(int(fd), b)
	return n, errno(err)
}

func sysWritev(fd uintptr, v []syscall.Iovec, _ int) (int, syscall.Errno) {
	syscall.Write(int(fd), nil) // writes nothing, but tells the detector
	n, _, e := syscall.RawSyscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&v[0])), uintptr(len(v)))
	return int(n), e
}

func sysRead(fd uintptr, b []byte) (int, syscall.Errno) {
	n, err := syscall.Read(int(fd), b)
	return n, errno(err)
}

func sysReadv(fd uintptr, v []syscall.Iovec) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall(syscall.SYS_READV, fd, uintptr(unsafe.Pointer(&v[0])), uintptr(len(v)))
	if e == 0 {
		syscall.Read(int(fd), nil) // reads nothing, but tells the detector
		left := int(n)
		for _, part := range v {
			b := unsafe.Slice(part.Base, min(left, int(part.Len)))
			copy(b, b) // as does this: it has been written
			left -= len(b)
		}
	}
	return int(n), e
}

func errno(err error) syscall.Errno {
	e, _ := err.(syscall.Errno)
	return e
}
