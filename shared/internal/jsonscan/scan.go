package jsonscan

import "strconv"

// DefaultMaxDepth is how many arrays and objects may be nested when the caller
// names no limit of its own.
const DefaultMaxDepth = 512

// maxDepthCap bounds what a caller can ask for: the scanner recurses once a
// level, and the same text is later given to encoding/json, which stops here.
const maxDepthCap = 10_000

// Kind tells which of the JSON types a value is.
type Kind byte

// The kinds of JSON value. Invalid is the zero Kind.
const (
	Invalid Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// String returns the name of the kind as error messages show it.
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case Bool:
		return "boolean"
	case Number:
		return "number"
	case String:
		return "string"
	case Array:
		return "array"
	case Object:
		return "object"
	}
	return "invalid"
}

// Error says what is wrong with a JSON text and where.
type Error struct {
	Offset  int    // bytes before the offending one
	Problem string // for instance "invalid number"
}

func (e *Error) Error() string {
	return "json: " + e.Problem + " at offset " + strconv.Itoa(e.Offset)
}

// Span is a half-open range of bytes, data[Start:End].
type Span struct{ Start, End int }

// Of returns the bytes of data in the span.
func (s Span) Of(data []byte) []byte { return data[s.Start:s.End] }

// Placeholder is an object with a member "_placeholder" that is true: it stands
// for an attachment.
type Placeholder struct {
	Span
	Num int // the member "num", or -1 when that is missing or not a whole number of at most nine digits
}

// Options choose what a scan looks for. The zero value validates only, with
// [DefaultMaxDepth].
type Options struct {
	MaxDepth     int  // levels of nesting; 0 means DefaultMaxDepth, values above 10,000 count as 10,000
	Placeholders bool // fill Index.Placeholders
}

func (o Options) depth() int {
	switch {
	case o.MaxDepth <= 0:
		return DefaultMaxDepth
	case o.MaxDepth > maxDepthCap:
		return maxDepthCap
	}
	return o.MaxDepth
}

// Index is the outline of one JSON value. The zero value is ready for Scan, and
// one Index may be used for many scans, one at a time.
type Index struct {
	Kind         Kind
	Len          int  // elements of a top-level array, or members of a top-level object
	First        Span // first element of a top-level array
	FirstKind    Kind // its kind, Invalid when there is none
	Placeholders []Placeholder
}

// Scan validates that data is exactly one JSON value, with nothing but white
// space around it, and records its outline. It accepts what JSON.parse accepts
// of the same bytes: lone surrogate escapes and, inside strings, bytes that are
// not UTF-8 are let through; NaN, comments, trailing commas and control
// characters in strings are not. The error is an [*Error].
//
// Placeholders come in the order of the text. One that is inside another is
// left out, and of equal keys the last counts, as for a JavaScript receiver.
func (x *Index) Scan(data []byte, o Options) error {
	s := scanner{data: data, max: o.depth(), collect: o.Placeholders, Index: Index{Placeholders: x.Placeholders[:0]}}
	i, kind := s.value(skipSpace(data, 0), 0)
	s.Kind = kind
	*x = s.Index
	if i < 0 {
		return s.fail()
	}
	if i = skipSpace(data, i); i != len(data) {
		return &Error{Offset: i, Problem: "text after the value"}
	}
	return nil
}

// Check validates like [Index.Scan] and returns the kind of the value.
func Check(data []byte, maxDepth int) (Kind, error) {
	var x Index
	err := x.Scan(data, Options{MaxDepth: maxDepth})
	return x.Kind, err
}

// scanner is one pass over data. A method that reads a value returns the offset
// behind it, or -1 after it has set at and problem.
type scanner struct {
	data    []byte
	max     int
	collect bool
	Index   // what was found; by value, so that the caller's Index stays on its stack

	at      int
	problem string
}

func (s *scanner) fail() error { return &Error{Offset: s.at, Problem: s.problem} }

func (s *scanner) bad(at int, problem string) int {
	if at >= len(s.data) {
		at, problem = len(s.data), "unexpected end"
	}
	s.at, s.problem = at, problem
	return -1
}

func (s *scanner) value(i, depth int) (int, Kind) {
	if i >= len(s.data) {
		return s.bad(i, ""), Invalid
	}
	switch c := s.data[i]; c {
	case '"':
		return s.str(i), String
	case '[':
		return s.array(i, depth+1), Array
	case '{':
		return s.object(i, depth+1), Object
	case 't':
		return s.word(i, "true"), Bool
	case 'f':
		return s.word(i, "false"), Bool
	case 'n':
		return s.word(i, "null"), Null
	default:
		if c == '-' || isDigit(c) {
			return s.number(i), Number
		}
		return s.bad(i, "invalid value"), Invalid
	}
}

func (s *scanner) array(i, depth int) int {
	if depth > s.max {
		return s.bad(i, "nested too deeply")
	}
	i = skipSpace(s.data, i+1)
	if i < len(s.data) && s.data[i] == ']' {
		return i + 1
	}
	for n := 1; ; n++ {
		start := i
		end, kind := s.value(i, depth)
		if end < 0 {
			return -1
		}
		if depth == 1 {
			s.Len = n
			if n == 1 {
				s.First, s.FirstKind = Span{start, end}, kind
			}
		}
		i = skipSpace(s.data, end)
		switch {
		case i >= len(s.data):
			return s.bad(i, "")
		case s.data[i] == ',':
			i = skipSpace(s.data, i+1)
		case s.data[i] == ']':
			return i + 1
		default:
			return s.bad(i, "missing comma")
		}
	}
}

func (s *scanner) object(i, depth int) int {
	if depth > s.max {
		return s.bad(i, "nested too deeply")
	}
	start := i
	i = skipSpace(s.data, i+1)
	if i < len(s.data) && s.data[i] == '}' {
		return i + 1
	}
	marked, num := false, -1
	inside := len(s.Placeholders)
	for n := 1; ; n++ {
		if i >= len(s.data) || s.data[i] != '"' {
			return s.bad(i, "missing key")
		}
		key := Span{i + 1, 0}
		if i = s.str(i); i < 0 {
			return -1
		}
		key.End = i - 1
		if i = skipSpace(s.data, i); i >= len(s.data) || s.data[i] != ':' {
			return s.bad(i, "missing colon")
		}
		i = skipSpace(s.data, i+1)
		end, kind := s.value(i, depth)
		if end < 0 {
			return -1
		}
		if s.collect {
			switch placeholderKey(key.Of(s.data)) {
			case keyMark:
				marked = kind == Bool && s.data[i] == 't'
			case keyNum:
				num = -1
				if kind == Number {
					num = wholeNumber(s.data[i:end])
				}
			}
		}
		if depth == 1 {
			s.Len = n
		}
		i = skipSpace(s.data, end)
		switch {
		case i >= len(s.data):
			return s.bad(i, "")
		case s.data[i] == ',':
			i = skipSpace(s.data, i+1)
		case s.data[i] == '}':
			if marked {
				s.Placeholders = append(s.Placeholders[:inside], Placeholder{Span{start, i + 1}, num})
			}
			return i + 1
		default:
			return s.bad(i, "missing comma")
		}
	}
}

// str reads the string whose opening quote is at i.
func (s *scanner) str(i int) int {
	data := s.data
	for i++; i < len(data); i++ {
		c := data[i]
		if !stringStop[c] {
			continue
		}
		switch {
		case c == '"':
			return i + 1
		case c == '\\':
			i++
			if i >= len(data) {
				return s.bad(i, "")
			}
			switch data[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					i++
					if i >= len(data) || !isHex(data[i]) {
						return s.bad(i, "invalid escape")
					}
				}
			default:
				return s.bad(i, "invalid escape")
			}
		default:
			return s.bad(i, "control character in string")
		}
	}
	return s.bad(i, "")
}

func (s *scanner) number(i int) int {
	data := s.data
	if data[i] == '-' {
		i++
	}
	switch {
	case i < len(data) && data[i] == '0':
		i++
	case i < len(data) && isDigit(data[i]):
		i = skipDigits(data, i)
	default:
		return s.bad(i, "invalid number")
	}
	if i < len(data) && data[i] == '.' {
		i++
		if i >= len(data) || !isDigit(data[i]) {
			return s.bad(i, "invalid number")
		}
		i = skipDigits(data, i)
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		if i >= len(data) || !isDigit(data[i]) {
			return s.bad(i, "invalid number")
		}
		i = skipDigits(data, i)
	}
	return i
}

func (s *scanner) word(i int, w string) int {
	for k := range len(w) {
		if i+k >= len(s.data) || s.data[i+k] != w[k] {
			return s.bad(i+k, "invalid value")
		}
	}
	return i + len(w)
}

// stringStop marks the bytes that end the plain run of a string: quote,
// backslash and control characters.
var stringStop = func() (t [256]bool) {
	for c := range 0x20 {
		t[c] = true
	}
	t['"'], t['\\'] = true, true
	return t
}()

func skipSpace(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\r' || data[i] == '\t') {
		i++
	}
	return i
}

func skipDigits(data []byte, i int) int {
	for i < len(data) && isDigit(data[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f'
}
