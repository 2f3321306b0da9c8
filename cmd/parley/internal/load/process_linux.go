package load

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// process is the server, read through /proc. A nil one is not known and has empty samples.
type process struct{ pid int }

// findServer returns the process of the configuration, or the one on this machine that listens on the port of the
// address; nil when there is none that may be looked at.
func findServer(cfg Config) *process {
	switch {
	case cfg.PID < 0:
		return nil
	case cfg.PID > 0:
		return readable(cfg.PID)
	}
	u, err := url.Parse(cfg.URL)
	if err != nil || !local(u.Hostname()) {
		return nil
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		port = map[string]int{"http": 80, "ws": 80, "https": 443, "wss": 443}[u.Scheme]
	}
	inodes := listening(port)
	if len(inodes) == 0 {
		return nil
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/[0-9]*") // the pattern is good
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && inodes[target] {
			if pid, err := strconv.Atoi(strings.Split(link, "/")[2]); err == nil {
				return readable(pid)
			}
		}
	}
	return nil
}

func readable(pid int) *process {
	p := &process{pid}
	if _, err := os.ReadFile(p.file("stat")); err != nil {
		return nil
	}
	return p
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// listening finds the sockets that listen on a port, as /proc/PID/fd names them.
func listening(port int) map[string]bool {
	found := make(map[string]bool)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for row := range strings.Lines(string(text)) {
			f := strings.Fields(row)
			const listen = "0A"
			if len(f) > 9 && f[3] == listen && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				found["socket:["+f[9]+"]"] = true
			}
		}
	}
	return found
}

func (p *process) file(name string) string { return fmt.Sprintf("/proc/%d/%s", p.pid, name) }

// sample reads memory and processor time; zero when the process has ended.
func (p *process) sample() (s sample) {
	if p == nil {
		return s
	}
	if text, err := os.ReadFile(p.file("status")); err == nil {
		for row := range strings.Lines(string(text)) {
			switch f := strings.Fields(row); {
			case len(f) > 1 && f[0] == "VmRSS:":
				s.RSS = kilobytes(f[1])
			case len(f) > 1 && f[0] == "VmHWM:":
				s.Peak = kilobytes(f[1])
			}
		}
	}
	if text, err := os.ReadFile(p.file("stat")); err == nil {
		// The name in parentheses may have spaces; user and system time are the 12th and 13th field behind it.
		if _, rest, ok := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " "); ok {
			if f := strings.Fields(rest); len(f) > 12 {
				user, _ := strconv.ParseInt(f[11], 10, 64)
				system, _ := strconv.ParseInt(f[12], 10, 64)
				const tick = time.Second / 100 // USER_HZ, 100 on every Linux that Go runs on
				s.CPU = time.Duration(user+system) * tick
			}
		}
	}
	return s
}

func kilobytes(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n << 10
}
