package chat

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/shared/event"
)

// CheckText is the rule for the text of a message: 1 to [MaxText] runes of valid UTF-8, not only white space, and
// no control characters except newline and tab (they would reach other people's terminals). A text that comes out
// of [CleanText] can only break it by its length.
func CheckText(text string) error {
	switch {
	case utf8.RuneCountInString(text) > MaxText:
		return event.Errorf(event.CodeTooLarge, "message too long: at most %d characters", MaxText)
	case strings.TrimSpace(text) == "":
		return event.Errorf(event.CodeInvalid, "empty message")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, badInText):
		return event.Errorf(event.CodeInvalid, "invalid message text")
	}
	return nil
}

// CleanText makes what somebody typed or pasted fit for sending: line ends become "\n", other control characters
// and invalid UTF-8 are dropped, and white space at both ends is cut. The result may be empty or too long.
func CleanText(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(text)
	text = strings.Map(func(r rune) rune {
		if badInText(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	return strings.TrimSpace(text)
}

// CleanLine is the form in which the server keeps a name, title or topic: without white space at both ends.
func CleanLine(s string) string { return strings.TrimSpace(s) }

// checkLine is the rule for names, titles and topics.
func checkLine(what, s string, least, most int) error {
	n := utf8.RuneCountInString(s)
	if n < least || n > most || !utf8.ValidString(s) || strings.ContainsFunc(s, badInLine) {
		return event.Errorf(event.CodeInvalid, "invalid %s", what)
	}
	return nil
}

func badInText(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t'
}

// badInLine refuses what would break a line or let a name rewrite the text around it: control characters, line and
// paragraph separators, and the characters that switch the writing direction. Joiners stay: emoji need them.
func badInLine(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029':
		return true
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	}
	return false
}
