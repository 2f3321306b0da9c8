package ui

import (
	"net/url"
	"strings"
	"unicode"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// Text draws what a person wrote: as it is, with web addresses as links that
// open in a new tab. Nothing in it is ever read as HTML, and only http and https
// addresses become links.
func Text(s string) []app.UI {
	var out []app.UI
	plain := func(s string) {
		if s != "" {
			out = append(out, app.Text(s))
		}
	}
	for s != "" {
		from, to := findLink(s)
		if from < 0 {
			break
		}
		plain(s[:from])
		out = append(out, link(s[from:to]))
		s = s[to:]
	}
	plain(s)
	return out
}

func link(text string) app.UI {
	href := text
	if strings.HasPrefix(strings.ToLower(text), "www.") {
		href = "https://" + text
	}
	u, err := url.Parse(href)
	if err != nil || u.Host == "" {
		return app.Text(text)
	}
	return app.A().Href(u.String()).Target("_blank").Rel("noopener noreferrer nofollow").Text(text)
}

// findLink returns where the first web address in s begins and ends, -1 when
// there is none. It ends at white space, and before the punctuation that belongs
// to the sentence around.
func findLink(s string) (from, to int) {
	low := asciiLower(s)
	for from = 0; from < len(s); from++ {
		rest := low[from:]
		lead := 0
		for _, p := range []string{"https://", "http://", "www."} {
			if strings.HasPrefix(rest, p) {
				lead = len(p)
				break
			}
		}
		if lead == 0 || from > 0 && wordByte(s[from-1]) {
			continue
		}
		to = from + len(s[from:])
		if i := strings.IndexFunc(s[from:], endsLink); i >= 0 {
			to = from + i
		}
		to = from + len(trimLink(s[from:to]))
		if to > from+lead {
			return from, to
		}
	}
	return -1, -1
}

// asciiLower keeps every byte in its place, which strings.ToLower does not.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func wordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

func endsLink(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>\"`{}|\\^", r)
}

// trimLink takes off closing punctuation; a bracket stays when it was opened
// inside the address.
func trimLink(s string) string {
	for s != "" {
		last := s[len(s)-1]
		switch {
		case strings.IndexByte(".,;:!?'*_~", last) >= 0:
		case last == ')' && strings.Count(s, "(") < strings.Count(s, ")"):
		case last == ']' && strings.Count(s, "[") < strings.Count(s, "]"):
		default:
			return s
		}
		s = s[:len(s)-1]
	}
	return s
}

// RightToLeft reports whether a text begins in a script that is written from
// right to left.
func RightToLeft(s string) bool {
	for _, r := range s {
		if unicode.IsLetter(r) {
			return unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko)
		}
	}
	return false
}

// OnlyEmoji reports whether a text is one to three emoji and nothing else, which
// is shown larger.
func OnlyEmoji(s string) bool {
	n := 0
	joined := false
	for _, r := range s {
		switch {
		case r == '\u200d':
			joined = true
			continue
		case r == '\ufe0f', r >= 0x1f3fb && r <= 0x1f3ff: // presentation, skin tone
			continue
		case r >= 0x1f1e6 && r <= 0x1f1ff: // flags are pairs
		case r >= 0x1f300 && r <= 0x1faff, r >= 0x2600 && r <= 0x27bf, r == 0x2b50, r == 0x2764:
		case unicode.IsSpace(r):
			continue
		default:
			return false
		}
		if !joined {
			n++
		}
		joined = false
	}
	return n >= 1 && n <= 3
}
