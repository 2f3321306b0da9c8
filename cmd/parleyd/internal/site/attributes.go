package site

import (
	"bytes"
	"slices"
)

// sortAttributes puts the attributes of every tag in an HTML text in order.
// go-app writes them in the order of a map, another one at each start, and the
// page would look like a new release each time the server is started. It knows
// the HTML that go-app writes: double quotes, no comments, no inline scripts.
func sortAttributes(html []byte) []byte {
	var out bytes.Buffer
	for {
		open := bytes.IndexByte(html, '<')
		if open < 0 {
			out.Write(html)
			return out.Bytes()
		}
		out.Write(html[:open])
		end := tagEnd(html[open:])
		if end < 0 {
			out.Write(html[open:])
			return out.Bytes()
		}
		tag := html[open : open+end]
		parts := fields(tag[1 : len(tag)-1])
		if len(parts) > 2 && tag[1] != '!' {
			slices.SortStableFunc(parts[1:], bytes.Compare)
			out.WriteByte('<')
			out.Write(bytes.Join(parts, []byte(" ")))
			out.WriteByte('>')
		} else {
			out.Write(tag)
		}
		html = html[open+end:]
	}
}

// tagEnd is the length of the tag that html begins with, -1 when it does not end.
func tagEnd(html []byte) int {
	quoted := false
	for i, c := range html {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '>' && !quoted:
			return i + 1
		}
	}
	return -1
}

// fields splits the inside of a tag at spaces outside of quotes.
func fields(tag []byte) [][]byte {
	quoted := false
	return bytes.FieldsFunc(tag, func(c rune) bool {
		if c == '"' {
			quoted = !quoted
		}
		return !quoted && (c == ' ' || c == '\n' || c == '\t')
	})
}
