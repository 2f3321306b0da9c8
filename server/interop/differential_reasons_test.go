package interop_test

import (
	"regexp"
	"strings"
)

// Where our decoder is stricter than the official one, on purpose. Each of these is text that no encoder
// writes; the official decoder takes it because JavaScript turns text into numbers generously.
var stricter = []struct {
	reason string
	text   *regexp.Regexp // a frame that we refuse
}{
	{"an empty frame", regexp.MustCompile(`^$`)},
	{"white space for a packet type", regexp.MustCompile(`^\s`)},
	{"white space before the payload or in the id", regexp.MustCompile(`^\d(\d*-)?(/[^,]*,)?\d*\s`)},
	{"an attachment count that is not plain digits", regexp.MustCompile(`^[56][^-]*[^0-9-][^-]*-`)},
	{"an event, acknowledgement or error without payload", regexp.MustCompile(`^[2-6](\d+-)?(/[^,]*,?)?\d*$`)},
	{"an acknowledgement id above 2^53-1", regexp.MustCompile(`^[0-6](\d*-)?(/[^,]*,)?\d{16,}`)},
}

// frameDifference says why our decoder and the official one may differ on these frames, or "".
func frameDifference(frames []any, ours, theirs outcome) string {
	for _, p := range ours.Packets {
		if text, ok := p.Data.(string); ok && strings.HasPrefix(text, "json: cannot unmarshal number") {
			return "a number beyond float64, which JavaScript takes for infinity"
		}
	}
	if ours.Error == "" {
		return ""
	}
	text, ok := frames[ours.at].(string)
	if !ok {
		return ""
	}
	for _, s := range stricter {
		if s.text.MatchString(text) {
			return s.reason
		}
	}
	switch {
	case !strings.Contains(ours.Error, "placeholder"):
		return ""
	case theirs.Error != "" || theirs.Pending:
		return "a bad placeholder, which we refuse at the header and the official decoder at the last attachment"
	case fractional.MatchString(text):
		return "a placeholder number that is not an integer"
	}
	return ""
}

var fractional = regexp.MustCompile(`"num"\s*:\s*-?[0-9]*[.eE]`)

// payloadDifference says why our parser and the official one may differ on this payload, or "".
func payloadDifference(ours, theirs outcome) string {
	n := len(ours.Packets)
	if n == 0 || ours.Packets[n-1].Type != "error" || len(theirs.Packets) < n {
		return ""
	}
	// The official parser takes any text for base64 and leaves out what is not.
	if p := theirs.Packets[n-1]; p.Type == "message" {
		if _, binary := p.Data.(map[string]any); binary {
			return "text that is not base64"
		}
	}
	return ""
}
