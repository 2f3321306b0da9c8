package talk

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// Screen is where a session is read and written.
type Screen interface {
	// ReadLine waits for the next line and returns it without its end. io.EOF is the end of the conversation.
	ReadLine() (string, error)

	// Print shows lines.
	Print(lines ...string)

	// Status shows what a prompt would: where one is and how the connection does. A pipe has no place for it.
	Status(s string)

	// Complete is given a function that finds what a word may become, and is called with the line at every key.
	Complete(fn func(word string) []string, typed func(line string))

	// Styled reports whether text may have colours.
	Styled() bool

	// Interactive reports whether a person is there, who sees what is typed and ends the session.
	Interactive() bool
}

// maxLine bounds a line of a pipe.
const maxLine = 1 << 16

// Pipe is a screen for scripts: lines in, lines out.
type Pipe struct {
	in *bufio.Scanner

	mu  sync.Mutex
	out io.Writer // guarded by mu
}

// NewPipe returns a screen over a reader and a writer.
func NewPipe(in io.Reader, out io.Writer) *Pipe {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	return &Pipe{in: lines, out: out}
}

// ReadLine returns the next line of the reader.
func (p *Pipe) ReadLine() (string, error) {
	if p.in.Scan() {
		return p.in.Text(), nil
	}
	switch err := p.in.Err(); {
	case err == nil:
		return "", io.EOF
	case errors.Is(err, bufio.ErrTooLong):
		return "", fmt.Errorf("a line of the input is longer than %d bytes", maxLine)
	default:
		return "", err
	}
}

// Print writes the lines. That a reader has gone away shows when the session ends.
func (p *Pipe) Print(lines ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = io.WriteString(p.out, strings.Join(lines, "\n")+"\n")
}

// Status does nothing.
func (p *Pipe) Status(string) {}

// Complete does nothing.
func (p *Pipe) Complete(func(string) []string, func(string)) {}

// Styled is false.
func (p *Pipe) Styled() bool { return false }

// Interactive is false.
func (p *Pipe) Interactive() bool { return false }
