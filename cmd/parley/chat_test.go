package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	service "parley/server/chat"
)

// talk starts `parley chat` with a data folder of its own.
func talkAs(t *testing.T, s *site, name string, more ...string) *program {
	t.Helper()
	return launch(t, append([]string{"chat", "--url", s.url(), "--name", name, "--data", t.TempDir()}, more...)...)
}

// said finds the texts that a user is shown to have written, in order.
func said(out fmt.Stringer, name string) (texts []string) {
	for _, m := range regexp.MustCompile(`(?m)^\d\d:\d\d `+name+`: (.*)$`).FindAllStringSubmatch(out.String(), -1) {
		texts = append(texts, m[1])
	}
	return texts
}

func TestChat(t *testing.T) {
	s := newSite(t)
	ann := talkAs(t, s, "Ann")
	ann.until("* #lobby: Lobby (only you)")
	ann.typed("hello?")
	ann.until("Ann: hello?")
	bob := talkAs(t, s, "Bob")
	bob.until("* #lobby: Lobby (2 people)")
	bob.until("Ann: hello?")
	ann.until("* Bob joined")
	bob.typed("hi Ann", "//slashes", "  ", "/who", "/nonsense", "/help")
	ann.until("Bob: hi Ann")
	ann.until("Bob: /slashes")
	bob.until("* in #lobby: Ann, Bob")
	bob.until("! there is no command /nonsense")
	bob.until("  /quit")
	bob.typed("/quit")
	assert.Equal(t, exitDone, bob.wait())
	ann.until("* Bob left")
	assert.Equal(t, exitDone, ann.interrupt())
	assert.Equal(t, []string{"hi Ann", "/slashes"}, said(ann.out, "Bob"))
	assert.Empty(t, ann.err.String())
}

func TestChatInSeveralRooms(t *testing.T) {
	s := newSite(t)
	ann, bob := talkAs(t, s, "Ann"), talkAs(t, s, "Bob", "--room", "#random")
	ann.until("* #lobby")
	bob.until("* #random")
	ann.typed("/join random", "in random", "/join lobby", "in lobby")
	bob.until("Ann: in random")
	ann.until("Ann: in lobby")
	bob.typed("hello there")
	ann.until("#random Bob: hello there")
	ann.typed("/rooms")
	ann.until("> #lobby    1 online  Lobby - Say hello")
	ann.until("+ #random   2 online  Random")
	ann.typed("/create Go & Co", "first")
	bob.until("* new room #go-co: Go & Co")
	ann.until("* you opened #go-co")
	ann.until("* #go-co: Go & Co (only you)")
	ann.typed("/leave random", "/leave nowhere", "/create go co", "/join No!", "/join gone", "/create ")
	bob.until("* Ann left")
	ann.until("! you are not in #nowhere")
	ann.until(`! no new room: there is a room "go-co" already`)
	ann.until(`! "No!" cannot be the id of a room`)
	ann.until("! cannot join #gone: there is no such room")
	ann.until("! invalid title")
	assert.Equal(t, exitDone, ann.end())
}

// Rows: D12
func TestWhatIsTypedOfflineArrivesOnceAndInOrder(t *testing.T) {
	s := newSite(t)
	ann, bob := talkAs(t, s, "Ann"), talkAs(t, s, "Bob")
	ann.until("* #lobby")
	ann.typed("before")
	bob.until("Ann: before")
	want := []string{"before"}
	for round := range 3 {
		s.down()
		ann.until("! no connection")
		for i := range 4 {
			text := fmt.Sprintf("offline %d.%d", round, i)
			want = append(want, text)
			ann.typed(text)
		}
		s.start()
		bob.until(fmt.Sprintf("Ann: offline %d.3", round))
	}
	ann.typed("after")
	want = append(want, "after")
	bob.until("Ann: after")
	ann.until("Ann: after")
	assert.Equal(t, want, said(ann.out, "Ann"))
	assert.Equal(t, want, said(bob.out, "Ann"))
	assert.Contains(t, ann.out.String(), "* connected again")
	assert.Equal(t, exitDone, ann.end())
}

// Rows: D08
func TestWhatIsLostOrRepeatedOnTheWayIsShownOnceAndInOrder(t *testing.T) {
	s := newSite(t)
	s.down()
	s.wrap = func(p service.Publisher) service.Publisher { return &faulty{Publisher: p} }
	s.start()
	ann := talkAs(t, s, "Ann")
	ann.until("* #lobby")
	bob := talkAs(t, s, "Bob")
	ann.until("* Bob joined")
	var want []string
	for i := range 12 {
		want = append(want, fmt.Sprint("message ", i))
		bob.typed(want[i])
		bob.until("Bob: " + want[i] + "\n")
	}
	ann.until("Bob: message 11")
	assert.Equal(t, want, said(ann.out, "Bob"))
}

func TestAServerThatHasForgotten(t *testing.T) {
	s := newSite(t)
	ann := talkAs(t, s, "Ann")
	ann.until("* #lobby")
	ann.typed("one", "two")
	ann.until("Ann: two")
	s.down()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(s.file + suffix); err != nil {
			require.ErrorIs(t, err, os.ErrNotExist)
		}
	}
	ann.until("! no connection")
	s.start()
	ann.until("* #lobby: some older messages are not shown")
	ann.typed("three")
	ann.until("Ann: three")
	assert.Equal(t, []string{"one", "two", "three"}, said(ann.out, "Ann"))
}

func TestAScriptWaitsUntilItsLinesAreSent(t *testing.T) {
	s := newSite(t)
	var lines []string
	for i := range 30 { // more than the burst that a user may send
		lines = append(lines, fmt.Sprint("line ", i))
	}
	code, out, errs := execute(t, strings.Join(lines, "\n"), "chat", "--url", s.url(), "--name", "Bot", "--forget")
	assert.Equal(t, exitDone, code, errs)
	var o output
	_, _ = o.text.WriteString(out)
	assert.Equal(t, lines, said(&o, "Bot"))

	code, out, _ = execute(t, "/who\n/quit\nnever sent\n", "chat", "--url", s.url(), "--name", "Bot", "--forget", "--history", "1")
	assert.Equal(t, exitDone, code)
	assert.Contains(t, out, "Bot: line 29")
	assert.NotContains(t, out, "Bot: line 28")
	assert.Contains(t, out, "* in #lobby: Bot")
	assert.NotContains(t, out, "never sent")
}

func TestUnsentLinesAreSentByTheNextRun(t *testing.T) {
	s := newSite(t)
	s.down()
	data := t.TempDir()
	args := []string{"chat", "--url", s.url(), "--name", "Ann", "--data", data, "--drain", "10ms"}
	code, _, errs := execute(t, "one\ntwo\n", args...)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "2 messages could not be sent; they are kept")

	s.start()
	code, out, errs := execute(t, "three\n", append(args[:len(args)-1], "20s")...)
	assert.Equal(t, exitDone, code, errs)
	var o output
	_, _ = o.text.WriteString(out)
	assert.Equal(t, []string{"one", "two", "three"}, said(&o, "Ann"))
}

func TestLinesThatAreRefused(t *testing.T) {
	s := newSite(t)
	code, out, _ := execute(t, strings.Repeat("x", 4001)+"\nfine\n", "chat", "--url", s.url(), "--name", "Ann", "--forget")
	assert.Equal(t, exitDone, code)
	assert.Contains(t, out, "! message too long: at most 4000 characters")
	assert.Contains(t, out, "Ann: fine")

	code, _, errs := execute(t, "", "chat", "--url", s.url(), "--name", "Ann", "--forget", "--room", "gone")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "no room to be in")
}

func TestIdentities(t *testing.T) {
	s := newSite(t)
	data := t.TempDir()
	args := func(name string) []string { return []string{"chat", "--url", s.url(), "--name", name, "--data", data} }
	first := launch(t, args("Ann")...)
	first.until("* #lobby: Lobby (only you)")
	second := launch(t, args("Ann")...)
	second.until("! you chat under this name in another terminal too")
	second.until("* #lobby: Lobby (only you)")
	other := launch(t, args("Bob")...)
	other.until("* #lobby: Lobby (2 people)")
	first.until("* Bob joined")
	assert.NotContains(t, first.out.String(), "Ann joined")

	folders, err := filepath.Glob(filepath.Join(data, "*"))
	require.NoError(t, err)
	assert.Len(t, folders, 2)
	for _, dir := range folders {
		info, err := os.Stat(filepath.Join(dir, "token"))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	assert.NotEqual(t, identityName("http://a", "Ann"), identityName("http://b", "Ann"), "a secret is for one server")
	assert.Equal(t, identityName("http://a/x", "Ann"), identityName("http://a", " Ann "))
}

func TestChatThatCannotBegin(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--name", " "}, exitUsage, "--name must be"},
		{[]string{"--name", "Ann", "--room", "No!"}, exitUsage, "--room must be"},
		{[]string{"--name", "Ann", "--url", "ftp://x"}, exitUsage, "ftp"},
		{[]string{"--name", "Ann", "--nonsense"}, exitUsage, "unknown flag"},
		{[]string{"--name", "Ann", "--url", "http://127.0.0.1:1", "--drain", "10ms"}, exitFailed, "the server did not answer"},
	} {
		code, _, errs := execute(t, "", append([]string{"chat", "--forget"}, c.args...)...)
		assert.Equal(t, c.code, code, "%v", c.args)
		assert.Contains(t, errs, c.want)
	}
}

func TestFollowStaysAfterTheEndOfTheInput(t *testing.T) {
	s := newSite(t)
	reader := talkAs(t, s, "Reader", "--follow")
	reader.until("* #lobby")
	require.NoError(t, reader.in.Close())
	code, _, _ := execute(t, "news\n", "chat", "--url", s.url(), "--name", "Writer", "--forget")
	assert.Equal(t, exitDone, code)
	reader.until("Writer: news")
	assert.Equal(t, exitDone, reader.interrupt())
}
