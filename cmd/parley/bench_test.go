package main

import (
	"context"
	"encoding/json"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/cmd/parley/internal/load"
	service "parley/server/chat"
	"parley/shared/chat"
)

func bench(t *testing.T, s *site, more ...string) (code int, r load.Report, errs string) {
	t.Helper()
	args := []string{
		"bench", "--url", s.url(), "--json", "--connections", "12", "--rooms", "3", "--rate", "60", "--duration", "1s",
		"--pid", strconv.Itoa(os.Getpid()), "--drain", "3s",
	}
	code, out, errs := execute(t, "", append(args, more...)...)
	if out != "" {
		require.NoError(t, json.Unmarshal([]byte(out), &r), out)
	}
	return code, r, errs
}

func TestBench(t *testing.T) {
	s := newSite(t)
	for run := range 2 { // the second one finds the rooms of the first
		code, r, errs := bench(t, s, "--rooms-each", "2")
		require.Equal(t, exitDone, code, errs)
		assert.Equal(t, 12, r.Connected, run)
		assert.EqualValues(t, 60, r.Sent)
		assert.EqualValues(t, 60, r.Answered)
		assert.EqualValues(t, 60*7, r.Due, "each room has 8 of the 12 users")
		assert.Equal(t, r.Due, r.Delivered)
		assert.Zero(t, r.Lost+r.Repeated+r.Skipped+r.Drops)
		assert.Empty(t, r.Failures)
		assert.EqualValues(t, 12, r.Connect.Count)
		assert.EqualValues(t, 60, r.Answer.Count)
		assert.EqualValues(t, 60*7, r.Delivery.Count)
		assert.Positive(t, r.Delivery.P50)
		assert.LessOrEqual(t, r.Delivery.P50, r.Delivery.Max)
		if runtime.GOOS == "linux" {
			require.NotNil(t, r.Server)
			assert.Greater(t, r.Server.RSSPeak, int64(1<<20))
			assert.Positive(t, r.Server.CPURamp+r.Server.CPUSending)
		}
		assert.Contains(t, errs, "12 users", "progress")
	}
	code, out, _ := execute(t, "", "bench", "--url", s.url(), "-q", "-c", "2", "-r", "1", "--rate", "20", "-d", "500ms")
	assert.Equal(t, exitDone, code)
	assert.Contains(t, out, "deliveries  10 of 10, 0 lost, 0 repeated")
}

// faulty loses the fifth message and publishes the tenth twice.
type faulty struct {
	service.Publisher
	mu sync.Mutex
	n  int
}

func (f *faulty) MessagesPosted(ctx context.Context, room chat.RoomID, posted []service.Posted) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range posted {
		f.n++
		if f.n != 5 {
			f.Publisher.MessagesPosted(ctx, room, []service.Posted{one})
		}
		if f.n == 10 {
			f.Publisher.MessagesPosted(ctx, room, []service.Posted{one})
		}
	}
}

func TestBenchFindsWhatIsLostAndRepeated(t *testing.T) {
	s := newSite(t)
	s.down()
	s.wrap = func(p service.Publisher) service.Publisher { return &faulty{Publisher: p} }
	s.start()
	code, r, errs := bench(t, s, "--rooms", "1")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "lost or repeated")
	assert.EqualValues(t, 11, r.Lost)
	assert.EqualValues(t, 11, r.Repeated)
	assert.EqualValues(t, 60*11-11, r.Delivered)
}

// firstPost tells when the first message is published.
type firstPost struct {
	service.Publisher
	tell func()
}

func (p firstPost) MessagesPosted(ctx context.Context, room chat.RoomID, posted []service.Posted) {
	p.tell()
	p.Publisher.MessagesPosted(ctx, room, posted)
}

func TestBenchOverARestart(t *testing.T) {
	s := newSite(t)
	s.down()
	sending := make(chan struct{})
	first := sync.OnceFunc(func() { close(sending) })
	s.wrap = func(p service.Publisher) service.Publisher { return firstPost{p, first} }
	s.start()
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-sending
		s.down()
		s.start()
	}()
	code, r, errs := bench(t, s, "--duration", "4s", "--drain", "4s", "--rate", "20")
	<-done
	assert.Equal(t, exitDone, code, errs)
	assert.Zero(t, r.Lost, "what was answered is found in the history")
	assert.EqualValues(t, 12, r.Drops)
	assert.EqualValues(t, 12, r.Reconnects)
	assert.Less(t, r.Answered, r.Sent)
}

func TestBenchThatCannotBegin(t *testing.T) {
	code, _, errs := execute(t, "", "bench", "-q", "--url", "http://127.0.0.1:1", "-c", "2", "--timeout", "200ms")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "no user could connect")
	for _, bad := range [][]string{
		{"-c", "0"}, {"-c", "1000000"}, {"-r", "0"}, {"--payload", "5000"}, {"--rate", "1e9"}, {"--ramp", "0"}, {"--rooms-each", "11"}, {"-d", "-1s"},
	} {
		code, _, _ := execute(t, "", append([]string{"bench", "-q", "--url", "http://127.0.0.1:1"}, bad...)...)
		assert.Equal(t, exitUsage, code, "%v", bad)
	}
}
