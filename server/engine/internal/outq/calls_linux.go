//go:build !race

package outq

import (
	"syscall"
	"unsafe"
)

// These calls do not block, so the scheduler is not told of them: giving up the
// processor for each costs about a quarter more. Only writes that copy more than
// longCall bytes are told.

const longCall = 128 << 10

func sysWrite(fd uintptr, b []byte) (int, syscall.Errno) {
	var n uintptr
	var e syscall.Errno
	if len(b) > longCall {
		n, _, e = syscall.Syscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	} else {
		n, _, e = syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	}
	return int(n), e
}

func sysWritev(fd uintptr, v []syscall.Iovec, size int) (int, syscall.Errno) {
	var n uintptr
	var e syscall.Errno
	if size > longCall {
		n, _, e = syscall.Syscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&v[0])), uintptr(len(v)))
	} else {
		n, _, e = syscall.RawSyscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&v[0])), uintptr(len(v)))
	}
	return int(n), e
}

func sysReadv(fd uintptr, v []syscall.Iovec) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall(syscall.SYS_READV, fd, uintptr(unsafe.Pointer(&v[0])), uintptr(len(v)))
	return int(n), e
}

func sysRead(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return int(n), e
}
