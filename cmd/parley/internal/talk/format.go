package talk

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
	"unicode"

	"parley/shared/chat"
)

// style writes for a screen, with colours or without.
type style struct{ colours bool }

func (s style) paint(code, text string) string {
	if !s.colours {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) dim(text string) string { return s.paint("2", text) }

// name gives each user a colour of their own.
func (s style) name(m chat.Member) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(m.ID))
	colours := []string{"1;31", "1;32", "1;33", "1;34", "1;35", "1;36"}
	return s.paint(colours[h.Sum32()%uint32(len(colours))], line(m.Name))
}

// message is "15:04 Ann: text"; further lines of the text are set below its beginning. where is the room for messages
// that are not of the one on the screen, else "".
func (s style) message(m chat.Message, where chat.RoomID) []string {
	clock := m.Time().Format("15:04")
	head := s.dim(clock) + " "
	if where != "" {
		head += s.dim("#"+string(where)) + " "
	}
	texts := strings.Split(text(m.Text), "\n")
	lines := []string{head + s.name(m.From) + ": " + texts[0]}
	for _, more := range texts[1:] {
		lines = append(lines, strings.Repeat(" ", len(clock)+1)+more)
	}
	return lines
}

// notice is something that happened.
func (s style) notice(format string, args ...any) string {
	return s.dim("* " + fmt.Sprintf(format, args...))
}

// problem is something that went wrong.
func (s style) problem(format string, args ...any) string {
	return s.paint("31", "! "+fmt.Sprintf(format, args...))
}

func (s style) rooms(rooms []chat.RoomInfo, current chat.RoomID, joined func(chat.RoomID) bool) []string {
	width := 0
	for _, r := range rooms {
		width = max(width, len(r.ID))
	}
	lines := make([]string, 0, len(rooms))
	for _, r := range rooms {
		mark := " "
		switch {
		case r.ID == current:
			mark = ">"
		case joined(r.ID):
			mark = "+"
		}
		l := fmt.Sprintf("%s #%-*s %3d online  %s", mark, width, r.ID, r.Online, line(r.Title))
		if r.Topic != "" {
			l += s.dim(" - " + line(r.Topic))
		}
		lines = append(lines, l)
	}
	return lines
}

func (s style) members(room chat.RoomID, members map[chat.UserID]chat.Member) string {
	names := make([]string, 0, len(members))
	for _, m := range members {
		names = append(names, line(m.Name))
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return s.notice("in #%s: %s", room, strings.Join(names, ", "))
}

// day is printed between messages of different days.
func (s style) day(t time.Time) string { return s.dim("--- " + t.Format("Monday 2 January 2006")) }

// line makes what comes from the network fit for one line of a terminal: a foreign server might send anything.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == '\u2028', r == '\u2029', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return -1
		}
		return r
	}, s)
}

// text is line for a text of several lines.
func text(s string) string {
	lines := strings.Split(chat.CleanText(s), "\n")
	for i, l := range lines {
		lines[i] = line(strings.ReplaceAll(l, "\t", "    "))
	}
	return strings.Join(lines, "\n")
}
