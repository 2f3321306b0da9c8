package jsonscan

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Next returns the element of a validated array that begins at or after i, and
// the offset to go on from. Start with the offset behind the opening bracket;
// ok is false when no element is left.
func Next(data []byte, i int) (elem Span, next int, ok bool) {
	i = skipSpace(data, i)
	if i < len(data) && data[i] == ',' {
		i = skipSpace(data, i+1)
	}
	if i >= len(data) || data[i] == ']' || data[i] == '}' {
		return Span{}, i, false
	}
	end := Skip(data, i)
	return Span{i, end}, end, true
}

// Member is [Next] for a validated object: key is the text between the quotes,
// still escaped.
func Member(data []byte, i int) (key, value Span, next int, ok bool) {
	key, i, ok = Next(data, i)
	if !ok || key.End-key.Start < 2 {
		return Span{}, Span{}, i, false
	}
	key.Start, key.End = key.Start+1, key.End-1
	i = skipSpace(data, i)
	if i >= len(data) || data[i] != ':' {
		return Span{}, Span{}, i, false
	}
	i = skipSpace(data, i+1)
	if i >= len(data) {
		return Span{}, Span{}, i, false
	}
	end := Skip(data, i)
	return key, Span{i, end}, end, true
}

// Skip returns the offset behind the validated value that begins at i. It is
// greater than i for every i inside data.
func Skip(data []byte, i int) int {
	if i >= len(data) {
		return len(data)
	}
	switch data[i] {
	case '"':
		return skipString(data, i)
	case '[', '{':
		depth := 0
		for i < len(data) {
			switch data[i] {
			case '"':
				i = skipString(data, i)
				continue
			case '[', '{':
				depth++
			case ']', '}':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
		return len(data)
	}
	for i++; i < len(data); i++ {
		switch data[i] {
		case ',', ']', '}', ' ', '\n', '\r', '\t', ':':
			return i
		}
	}
	return i
}

func skipString(data []byte, i int) int {
	for i++; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

// KindOf returns the kind of the validated value that text begins with.
func KindOf(text []byte) Kind {
	i := skipSpace(text, 0)
	if i >= len(text) {
		return Invalid
	}
	switch c := text[i]; c {
	case '"':
		return String
	case '[':
		return Array
	case '{':
		return Object
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	default:
		if c == '-' || isDigit(c) {
			return Number
		}
	}
	return Invalid
}

// AppendUnquoted appends what the text between the quotes of a validated string
// stands for, as UTF-8. A lone surrogate and a byte that is not UTF-8 become
// U+FFFD, as in encoding/json.
func AppendUnquoted(dst, text []byte) []byte {
	for len(text) > 0 {
		plain := bytes.IndexByte(text, '\\')
		if plain < 0 {
			plain = len(text)
		}
		dst = appendValid(dst, text[:plain])
		text = text[plain:]
		if len(text) < 2 {
			return dst
		}
		c := text[1]
		text = text[2:]
		switch c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(text)
			if r < 0 {
				return dst
			}
			text = text[4:]
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if len(text) >= 6 && text[0] == '\\' && text[1] == 'u' {
					low = hex4(text[2:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					text = text[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

func appendValid(dst, text []byte) []byte {
	if utf8.Valid(text) {
		return append(dst, text...)
	}
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		dst = utf8.AppendRune(dst, r)
		text = text[n:]
	}
	return dst
}

func hex4(text []byte) rune {
	if len(text) < 4 {
		return -1
	}
	var r rune
	for _, c := range text[:4] {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case isHex(c):
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return r
}
