package interop_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes frames that are sound, and frames that were sound before something happened to them.
type generator struct {
	*rand.Rand
}

func pick[T any](g generator, of ...T) T { return of[g.IntN(len(of))] }

// chance is true with probability 1/n.
func (g generator) chance(n int) bool { return g.IntN(n) == 0 }

// frames are one to three packets with their attachments; in one of three samples something is wrong.
func (g generator) frames() []any {
	var frames []any
	for range 1 + g.IntN(3) {
		frames = append(frames, g.packet()...)
	}
	if !g.chance(3) {
		return frames
	}
	i := g.IntN(len(frames))
	switch g.IntN(8) {
	case 0: // one is lost
		frames = append(frames[:i:i], frames[i+1:]...)
	case 1: // one comes twice
		frames = append(frames[:i+1:i+1], frames[i:]...)
	case 2: // two change places
		j := g.IntN(len(frames))
		frames[i], frames[j] = frames[j], frames[i]
	case 3:
		frames = append(frames, g.binary())
	default:
		if text, ok := frames[i].(string); ok {
			frames[i] = g.spoil(text)
		}
	}
	return frames
}

func (g generator) binary() binary {
	data := make([]byte, g.IntN(20))
	for i := range data {
		data[i] = byte(g.Uint32())
	}
	return binary{base64.StdEncoding.EncodeToString(data)}
}

// packet is the frames of one sound packet.
func (g generator) packet() []any {
	typ := pick(g, 0, 1, 2, 2, 2, 2, 3, 3, 4, 5, 5, 6)
	var attachments []any
	if typ >= 5 {
		for range 1 + g.IntN(pick(g, 2, 4, 10)) {
			attachments = append(attachments, g.binary())
		}
	}
	n := len(attachments)

	var b strings.Builder
	fmt.Fprint(&b, typ)
	if typ >= 5 {
		fmt.Fprintf(&b, "%d-", n)
	}
	namespace := pick(g, "", "", "", "/chat", "/", "/a/b", "/?x=1", "/ünï", "/ ")
	data := ""
	switch typ {
	case 0:
		data = pick(g, "", "{}", `{"token":"x"}`, g.object(0, 0))
	case 2, 5:
		data = g.event(n)
	case 3, 6:
		data = g.array(n, 3, "")
	case 4:
		data = pick(g, `"no"`, `{"message":"no","data":{"a":1}}`, g.object(0, 2))
	}
	if namespace != "" {
		b.WriteString(namespace)
		if data != "" || g.chance(2) {
			b.WriteByte(',')
		}
	}
	if (typ == 2 || typ == 5) && g.chance(2) || typ == 3 || typ == 6 {
		if namespace == "" || strings.HasSuffix(b.String(), ",") {
			fmt.Fprint(&b, pick(g, 0, 7, 42, 123456, 1<<31, 1<<53-1))
		}
	}
	b.WriteString(data)
	return append([]any{b.String()}, attachments...)
}

func (g generator) event(attachments int) string {
	name := pick(g, `"message"`, `"a"`, `""`, `"ü😀"`, `"\u0061b"`, `"__proto__"`, `"error"`, "1", "-2.5", "1e3")
	if g.chance(40) {
		name = pick(g, `"connect"`, `"disconnect"`, `"connect_error"`, `"disconnecting"`, `"newListener"`, `"removeListener"`,
			`"conne\u0063t"`, "null", "true", "{}", "[]")
	}
	return g.array(attachments, 3, name)
}

func (g generator) value(attachments, depth int) string {
	if attachments > 0 && g.chance(3) {
		num := fmt.Sprint(g.IntN(attachments))
		if g.chance(30) {
			num = pick(g, "-1", "99", `"0"`, "null", fmt.Sprint(attachments), "0.5")
		}
		return pick(g, `{"_placeholder":true,"num":`+num+`}`, `{"num":`+num+`,"_placeholder":true}`,
			`{ "_placeholder" : true , "num" : `+num+` }`)
	}
	if depth > 0 && g.chance(3) {
		if g.chance(2) {
			return g.array(attachments, depth-1, "")
		}
		return g.object(attachments, depth-1)
	}
	return pick(g, "null", "true", "false", "0", "-0", "1", "-17", "1.5", "1e21", "123456789012345678", "0.1e-5", `""`, `"text"`,
		`"esc\"\\\/\b\f\n\r\t"`, `"\u00e9\ud83d\ude00"`, `"\ud800"`, `"ü€😀"`, `"\u2028"`, "\"\u2029\"",
		`{"_placeholder":true,"num":0}`, `{"_placeholder":false,"num":0}`, `{"_placeholder":1}`)
}

func (g generator) space() string { return pick(g, "", "", "", "", " ", "\n", "\t ") }

func (g generator) array(attachments, depth int, first string) string {
	items := []string{}
	if first != "" {
		items = append(items, first)
	}
	for range g.IntN(4) {
		items = append(items, g.value(attachments, depth))
	}
	return "[" + g.space() + strings.Join(items, g.space()+","+g.space()) + "]"
}

func (g generator) object(attachments, depth int) string {
	var items []string
	seen := map[string]bool{}
	for range g.IntN(4) {
		key := pick(g, `"a"`, `"b"`, `""`, `"ü"`, `"__proto__"`, `"toString"`, `"a"`, `"num"`)
		if attachments > 0 && seen[key] {
			continue // it would hide what stood there before, bad placeholders too
		}
		seen[key] = true
		items = append(items, key+g.space()+":"+g.space()+g.value(attachments, depth))
	}
	return "{" + strings.Join(items, ",") + g.space() + "}"
}

// payload is an Engine.IO payload of a few packets, spoilt now and then.
func (g generator) payload() string {
	var packets []string
	for range 1 + g.IntN(5) {
		switch g.IntN(4) {
		case 0:
			packets = append(packets, "b"+g.binary().Base64)
		case 1:
			packets = append(packets, pick(g, "0", "1", "2", "2probe", "3", "3probe", "5", "6", "4"))
		default:
			packets = append(packets, "4"+pick(g, "hello", "ü€😀", `2["a",1]`, "\u2028", "\x00", "\n"))
		}
	}
	text := strings.Join(packets, "\x1e")
	if g.chance(4) {
		text = g.spoil(text)
	}
	return text
}

// spoil changes a text by a few characters that mean something to a decoder.
func (g generator) spoil(text string) string {
	runes := []rune(text)
	for range 1 + g.IntN(3) {
		c := pick(g, []rune("0123456789-,/[]{}\"\\ :.eEu+nNtfb_\x00\x1eü")...)
		i := g.IntN(len(runes) + 1)
		switch g.IntN(4) {
		case 0:
			runes = append(runes[:i:i], append([]rune{c}, runes[i:]...)...)
		case 1:
			if i < len(runes) {
				runes[i] = c
			}
		case 2:
			if i < len(runes) {
				runes = append(runes[:i:i], runes[i+1:]...)
			}
		default:
			runes = runes[:i]
		}
	}
	return string(runes)
}
