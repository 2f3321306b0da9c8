package talk

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPipe(t *testing.T) {
	var out bytes.Buffer
	p := NewPipe(strings.NewReader("one\r\ntwo\n\nlast"), &out)
	for _, want := range []string{"one", "two", "", "last"} {
		got, err := p.ReadLine()
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := p.ReadLine()
	require.ErrorIs(t, err, io.EOF)
	p.Print("a", "b")
	p.Print("c")
	assert.Equal(t, "a\nb\nc\n", out.String())

	p = NewPipe(strings.NewReader(strings.Repeat("x", maxLine+1)), &out)
	_, err = p.ReadLine()
	assert.EqualError(t, err, "a line of the input is longer than 65536 bytes")
}

// tty is a terminal: what is typed into it, and what it is told to draw.
type tty struct {
	io.Reader
	bytes.Buffer
}

func (t *tty) Read(p []byte) (int, error) { return t.Reader.Read(p) }

func terminal(typed string) (*Terminal, *tty) {
	drawn := &tty{Reader: strings.NewReader(typed)}
	return NewTerminal(drawn, 40, false), drawn
}

func TestATypedMessageIsTakenOffTheScreen(t *testing.T) {
	s, drawn := terminal("hi\r/who\r" + strings.Repeat("x", 75) + "\r")
	s.Status("[lobby] ")
	l, err := s.ReadLine()
	require.NoError(t, err)
	assert.Equal(t, "hi", l)
	assert.True(t, strings.HasSuffix(drawn.String(), "\r\n\x1b[1A\x1b[2K"), "%q", drawn)

	drawn.Reset()
	l, err = s.ReadLine()
	require.NoError(t, err)
	assert.Equal(t, "/who", l)
	assert.NotContains(t, drawn.String(), "\x1b[2K", "a command stays")

	drawn.Reset()
	_, err = s.ReadLine()
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(drawn.String(), "\x1b[2K"), "83 cells are three rows of 40")

	_, err = s.ReadLine()
	require.ErrorIs(t, err, io.EOF)
}

func TestWhatWasJustPrintedIsNotTakenOffTheScreen(t *testing.T) {
	s, drawn := terminal("hi\r")
	s.Print("09:05 Bob: hello")
	_, err := s.ReadLine()
	require.NoError(t, err)
	assert.NotContains(t, drawn.String(), "\x1b[2K")
	assert.Contains(t, drawn.String(), "09:05 Bob: hello\r\n")
}

func TestControlCEndsTheInput(t *testing.T) {
	s, _ := terminal("half a line\x03")
	_, err := s.ReadLine()
	assert.ErrorIs(t, err, io.EOF)
}

func TestTabCompletesTheLastWord(t *testing.T) {
	s, _ := terminal("/wh\t\rhello B\t!\rnobody Q\t\r")
	var typed []string
	s.Complete(func(word string) []string {
		for _, c := range []string{"/who", "Bob"} {
			if strings.HasPrefix(c, word) {
				return []string{c}
			}
		}
		return nil
	}, func(line string) { typed = append(typed, line) })
	for _, want := range []string{"/who", "hello Bob!", "nobody Q"} {
		s.mu.Lock()
		s.printed = time.Time{}
		s.mu.Unlock()
		got, err := s.ReadLine()
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	assert.Contains(t, typed, "hello ")
}
