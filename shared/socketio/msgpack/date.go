package msgpack

import (
	"encoding/binary"
	"time"
)

// maxDate is the last millisecond a JavaScript Date can hold, either way from
// 1970.
const maxDate = 8_640_000_000_000_000

// date writes milliseconds since 1970 as Date.prototype.toJSON does.
func (r *reader) date(ms int64) {
	if ms > maxDate || ms < -maxDate {
		r.json = append(r.json, "null"...)
		return
	}
	t := time.UnixMilli(ms).UTC()
	r.json = append(r.json, '"')
	switch year := t.Year(); {
	case year < 0:
		r.json = appendYear(append(r.json, '-'), -year)
	case year > 9999:
		r.json = appendYear(append(r.json, '+'), year)
	default:
		r.json = t.AppendFormat(r.json, "2006")
	}
	r.json = t.AppendFormat(r.json, "-01-02T15:04:05.000Z")
	r.json = append(r.json, '"')
}

// appendYear writes a year outside of 0 to 9999, in six digits.
func appendYear(dst []byte, year int) []byte {
	for div := 100_000; div > 0; div /= 10 {
		dst = append(dst, '0'+byte(year/div%10))
	}
	return dst
}

// timestamp writes the standard extension -1 as a date and reports whether it is
// one that a JavaScript Date can hold.
func (r *reader) timestamp(data []byte) bool {
	var seconds int64
	var nanos uint32
	switch len(data) {
	case 4:
		seconds = int64(binary.BigEndian.Uint32(data))
	case 8:
		both := binary.BigEndian.Uint64(data)
		seconds, nanos = int64(both&(1<<34-1)), uint32(both>>34)
	case 12:
		nanos, seconds = binary.BigEndian.Uint32(data), int64(binary.BigEndian.Uint64(data[4:]))
	default:
		return false
	}
	const bound = maxDate / 1000
	if seconds > bound || seconds < -bound || nanos >= 1e9 {
		return false
	}
	r.date(seconds*1000 + int64(nanos/1e6))
	return true
}
