package adapter

import (
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
	base    uint64    // number of the newest entry that was cut off
	cut     time.Time // its time
	bytes   int
}

type entry struct {
	packet Packet // with its position as the last argument
	rooms  []event.Room
	except []event.Room
	at     time.Time
}

// entryCost is what an entry takes beside its packet.
const entryCost = 128

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
	l.entries = append(l.entries, entry{packet: p, rooms: t.Rooms, except: t.Except, at: now})
	l.bytes += p.Size() + entryCost
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
		l.bytes -= e.packet.Size() + entryCost
		l.base++
		l.cut = e.at
		*e = entry{}
		l.head++
	}
	if l.head > 64 && l.head > len(l.entries)/2 {
		l.entries = slices.Delete(l.entries, 0, l.head)
		l.head = 0
	}
}

// covers reports whether a client that has seen everything up to n, and was fully served until seen, can be
// told all it has missed.
func (l *log) covers(n uint64, seen time.Time) bool {
	return n >= l.base || !l.cut.After(seen)
}

// after returns at most count entries, or about size bytes of them, that follow n and concern rooms, and the
// number up to which it looked. ok is false when the log has lost the place.
func (l *log) after(n uint64, rooms map[event.Room]bool, count, size int) (found []Packet, upTo uint64, ok bool) {
	if n < l.base {
		return nil, 0, false
	}
	for i := l.head + int(n-l.base); i < len(l.entries); i++ {
		if e := &l.entries[i]; e.concerns(rooms) {
			found = append(found, e.packet)
			if size -= e.packet.Size(); len(found) == count || size <= 0 {
				return found, l.base + uint64(i-l.head) + 1, true
			}
		}
	}
	return found, l.tail(), true
}

// concerns is the reference's rule: for everybody or for one of the rooms, and not for one that is excepted.
func (e *entry) concerns(rooms map[event.Room]bool) bool {
	isMember := func(r event.Room) bool { return rooms[r] }
	return (len(e.rooms) == 0 || slices.ContainsFunc(e.rooms, isMember)) && !slices.ContainsFunc(e.except, isMember)
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
	return len(p.Data) > 2 && p.Data[len(p.Data)-2] == '"'
}
