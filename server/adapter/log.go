package adapter

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/shared/event"
)

// log is the recovery log of one namespace in memory: packets in the order of delivery, numbered from 1,
// bounded by age and by bytes. Its user guards it with a lock.
type log struct {
	epoch   string // tells this log's positions from those of an earlier process
	keep    time.Duration
	limit   int
	entries []entry // entries[head:] are there; entry i has number base+1+i-head
	head    int
	base    uint64 // number of the newest entry that was cut off
	bytes   int
}

type entry struct {
	packet Packet // with its position as the last argument
	rooms  []event.Room
	except []event.Room
	direct bool
	at     time.Time
}

// size is what the entry takes in memory.
func (e *entry) size() int {
	n := e.packet.Size() + 136
	for _, list := range [][]event.Room{e.rooms, e.except} {
		for _, r := range list {
			n += 16 + len(r)
		}
	}
	return n
}

func newLog(keep time.Duration, limit int) *log {
	var b [6]byte
	rand.Read(b[:])
	return &log{epoch: base64.RawURLEncoding.EncodeToString(b[:]), keep: keep, limit: limit}
}

func (l *log) tail() uint64 { return l.base + uint64(len(l.entries)-l.head) }

// position writes a number as clients see it.
func (l *log) position(n uint64) string {
	return l.epoch + "." + strconv.FormatUint(n, 36)
}

// parse reads a position. foreign is true for one that is well formed but of another log.
func (l *log) parse(s string) (n uint64, foreign, ok bool) {
	epoch, digits, found := strings.Cut(s, ".")
	if !found || len(epoch) != len(l.epoch) {
		return 0, false, false
	}
	n, err := strconv.ParseUint(digits, 36, 64)
	if err != nil {
		return 0, false, false
	}
	if epoch != l.epoch {
		return 0, true, true
	}
	return n, false, n <= l.tail()
}

// append logs p under the next number and returns it with its position as one more argument.
func (l *log) append(t Target, p Packet, now time.Time) Packet {
	p = withPosition(p, l.position(l.tail()+1))
	l.entries = append(l.entries, entry{packet: p, rooms: t.Rooms, except: t.Except, direct: t.Direct, at: now})
	l.bytes += l.entries[len(l.entries)-1].size()
	l.trim(now)
	return p
}

// trim cuts off what is too old, and then the oldest until the bytes fit.
func (l *log) trim(now time.Time) {
	for l.head < len(l.entries) {
		e := &l.entries[l.head]
		if now.Sub(e.at) <= l.keep && l.bytes <= l.limit {
			break
		}
		l.bytes -= e.size()
		l.base++
		*e = entry{}
		l.head++
	}
	if l.head > 64 && l.head > len(l.entries)/2 {
		l.entries = slices.Delete(l.entries, 0, l.head)
		l.head = 0
	}
}

// after returns at most count entries, or size bytes of them unless one alone is larger, that follow n and concern
// the viewer, their numbers, and the number up to which it looked. ok is false when the log has lost the place.
func (l *log) after(n uint64, v *viewer, count, size int) (found []Packet, numbers []uint64, upTo uint64, ok bool) {
	if n < l.base {
		return nil, nil, 0, false
	}
	for upTo = n; upTo < l.tail() && len(found) < count; upTo++ {
		e := &l.entries[l.head+int(upTo-l.base)]
		if !v.concerned(upTo+1, e) {
			continue
		}
		if size -= e.packet.Size(); size < 0 && len(found) > 0 {
			break
		}
		found, numbers = append(found, e.packet), append(numbers, upTo+1)
	}
	return found, numbers, upTo, true
}

// withPosition returns p with one more argument. It copies: p may be in use.
func withPosition(p Packet, position string) Packet {
	data := make([]byte, 0, len(p.Data)+len(position)+3)
	data = append(data, p.Data[:len(p.Data)-1]...)
	data = append(data, ',', '"')
	data = append(data, position...)
	data = append(data, '"', ']')
	return Packet{Data: data, Attachments: p.Attachments}
}

// endsWithString reports whether the last element of the packet, its name included, is a string.
func endsWithString(p Packet) bool {
	text := bytes.TrimRight(bytes.TrimSuffix(p.Data, []byte("]")), " \t\r\n")
	return bytes.HasSuffix(text, []byte(`"`))
}
