package jsonscan

import (
	"bytes"
	"math"
	"strconv"
)

type memberKey byte

const (
	keyOther memberKey = iota
	keyMark            // "_placeholder"
	keyNum             // "num"
)

// placeholderKey says which member of a placeholder the key names; key is the
// text between the quotes, so an escape such as \u005f may hide an underscore.
func placeholderKey(key []byte) memberKey {
	const mark, num = "_placeholder", "num"
	switch {
	case len(key) == len(num) && string(key) == num:
		return keyNum
	case len(key) == len(mark) && string(key) == mark:
		return keyMark
	case len(key) <= 6*len(mark) && bytes.IndexByte(key, '\\') >= 0:
		var plain [6 * len(mark)]byte
		switch string(AppendUnquoted(plain[:0], key)) {
		case num:
			return keyNum
		case mark:
			return keyMark
		}
	}
	return keyOther
}

// wholeNumber reads a JSON number that is a whole number from 0 to 999,999,999
// in any spelling (1, 1.0, 10e-1), and returns -1 for every other.
func wholeNumber(text []byte) int {
	if len(text) == 1 && isDigit(text[0]) {
		return int(text[0] - '0')
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f < 0 || f > 999_999_999 || f != math.Trunc(f) {
		return -1
	}
	return int(f)
}
