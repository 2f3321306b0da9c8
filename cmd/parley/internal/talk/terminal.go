package talk

import (
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// Terminal is a screen with a line editor, for a terminal in raw mode.
type Terminal struct {
	t      *term.Terminal
	styled bool

	mu      sync.Mutex
	prompt  string    // guarded by mu
	width   int       // guarded by mu
	printed time.Time // guarded by mu: the last Print
}

// unsettled is how long after a Print the line above the cursor may not be the one that was typed.
const unsettled = 50 * time.Millisecond

// NewTerminal returns a screen over a terminal that is in raw mode and the given columns wide.
func NewTerminal(rw io.ReadWriter, width int, styled bool) *Terminal {
	return &Terminal{t: term.NewTerminal(rw, ""), styled: styled, width: width}
}

// Resize tells the screen its size.
func (t *Terminal) Resize(width, height int) error {
	t.mu.Lock()
	t.width = width
	t.mu.Unlock()
	return t.t.SetSize(width, height)
}

// ReadLine edits a line until Enter. Ctrl-C, and Ctrl-D on an empty line, are io.EOF. A line that will come back as a
// message is taken off the screen; a command stays.
func (t *Terminal) ReadLine() (string, error) {
	line, err := t.t.ReadLine()
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if line != "" && !strings.HasPrefix(line, "/") && time.Since(t.printed) > unsettled {
		cells := utf8.RuneCountInString(t.prompt) + utf8.RuneCountInString(line)
		rows := 1 + (max(1, cells)-1)/max(1, t.width)
		_, _ = io.WriteString(t.t, strings.Repeat("\x1b[1A\x1b[2K", rows))
	}
	return line, nil
}

// Print writes lines above the prompt.
func (t *Terminal) Print(lines ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.printed = time.Now()
	_, _ = io.WriteString(t.t, strings.Join(lines, "\n")+"\n")
}

// Status sets the prompt.
func (t *Terminal) Status(s string) {
	t.mu.Lock()
	same := s == t.prompt
	t.prompt = s
	t.mu.Unlock()
	if !same {
		t.t.SetPrompt(s)
		_, _ = t.t.Write(nil) // draws it
	}
}

// Complete makes the Tab key complete the last word, also by turns when there are several ways, and reports every key.
func (t *Terminal) Complete(find func(word string) []string, typed func(line string)) {
	t.t.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			typed(line)
			return "", 0, false
		}
		head, tail := line[:pos], line[pos:]
		start := strings.LastIndexByte(head, ' ') + 1
		found := find(head[start:])
		if len(found) == 0 {
			return line, pos, true
		}
		head = head[:start] + found[0]
		return head + tail, len(head), true
	}
}

// Styled reports whether text may have colours.
func (t *Terminal) Styled() bool { return t.styled }

// Interactive is true.
func (t *Terminal) Interactive() bool { return true }
