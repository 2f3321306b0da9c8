package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	service "parley/server/chat"
	"parley/server/chat/sqlite"
	"parley/server/chat/storetest"
	"parley/shared/chat"
	"parley/shared/event"
)

const crashWriters = 6

// crashDraft is the n-th draft of a writer in a round: the same words whenever it is sent.
func crashDraft(round, writer, n int) chat.Draft {
	return chat.Draft{
		ID:   fmt.Sprintf("round-%04d-writer-%02d-draft-%06d", round, writer, n),
		Room: []chat.RoomID{"lobby", "random"}[n%2],
		Text: strings.Repeat("word ", 1+n%50),
	}
}

func crashSender(writer int) chat.Member {
	return chat.Member{ID: chat.UserID(fmt.Sprintf("%016x", writer)), Name: fmt.Sprint("writer ", writer)}
}

// writeUntilKilled posts from several goroutines and prints a line for every answer. It first sends again what the
// round before it had last had answered, and the draft after that, which was on its way when the process died.
func writeUntilKilled(dir string) error {
	ctx := context.Background()
	store, err := sqlite.Open(ctx, filepath.Join(dir, "chat.db"))
	if err != nil {
		return err
	}
	chats, err := service.Open(ctx, service.Config{Store: store, Publisher: silent{}})
	if err != nil {
		return err
	}
	tip := strings.Split(os.Getenv(childTip), ",") // round, last answered draft of each writer
	round, err := strconv.Atoi(tip[0])
	if err != nil {
		return err
	}
	failed := make(chan error)
	for writer := range crashWriters {
		last, err := strconv.Atoi(tip[1+writer])
		if err != nil {
			return err
		}
		go func() {
			post := func(round, n int) {
				d := crashDraft(round, writer, n)
				m, err := chats.Post(ctx, crashSender(writer), "", d)
				if err != nil {
					failed <- fmt.Errorf("post %s: %w", d.ID, err)
					return
				}
				fmt.Printf("%s %s %d\n", m.ID, m.Room, m.Seq) // one write: lines of writers do not mix
			}
			if round > 0 {
				post(round-1, max(0, last))
				post(round-1, last+1)
			}
			for n := 0; ; n++ {
				post(round, n)
			}
		}()
	}
	return <-failed
}

type place struct {
	room chat.RoomID
	seq  int64
}

// The process is killed at a random moment while it writes, again and again: what it answered is there, at the number
// it said, once, and the numbers have no gap.
//
// Rows: D05 D10
func TestNothingAnsweredIsLostWhenTheProcessIsKilled(t *testing.T) {
	const budget, maxRounds, minRounds = 8 * time.Second, 50, 3
	dir := t.TempDir()
	answered := make(map[string]place)
	last := make([]int, crashWriters)
	rounds, start := 0, time.Now()
	for ; rounds < maxRounds && (rounds < minRounds || time.Since(start) < budget); rounds++ {
		tip := strconv.Itoa(rounds)
		for writer, n := range last {
			tip += "," + strconv.Itoa(n)
			last[writer] = -1
		}
		cmd := childCommand(t, "write until killed", dir, tip)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		killAt := 1 + rand.IntN(300)
		lines := 0
		for in := bufio.NewScanner(out); in.Scan(); lines++ {
			if lines == killAt {
				require.NoError(t, cmd.Process.Kill())
			}
			id, at := answerLine(t, in.Text())
			if before, known := answered[id]; known {
				require.Equal(t, before, at, "%s was answered differently before the crash", id)
			}
			answered[id] = at
			var round, writer, n int
			_, err := fmt.Sscanf(id, "round-%d-writer-%d-draft-%d", &round, &writer, &n)
			require.NoError(t, err)
			if round == rounds {
				last[writer] = max(last[writer], n)
			}
		}
		require.ErrorContains(t, cmd.Wait(), "signal: killed")
		checkAfterCrash(t, dir, answered)
	}
	t.Logf("%d rounds, %d answered messages", rounds, len(answered))
}

func answerLine(t *testing.T, line string) (string, place) {
	t.Helper()
	fields := strings.Fields(line)
	require.Len(t, fields, 3, line)
	seq, err := strconv.ParseInt(fields[2], 10, 64)
	require.NoError(t, err, line)
	return fields[0], place{chat.RoomID(fields[1]), seq}
}

func checkAfterCrash(t *testing.T, dir string, answered map[string]place) {
	t.Helper()
	start := time.Now()
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "chat.db"))
	require.NoError(t, err)
	defer store.Close()
	require.Less(t, time.Since(start), 5*time.Second, "reopening replays a bounded log")
	require.Equal(t, "ok", store.Pragma(t.Context(), "integrity_check")[0])
	stored := make(map[string]place)
	for _, room := range []chat.RoomID{"lobby", "random"} {
		messages, err := store.Messages(t.Context(), service.Range{Room: room, Limit: 1 << 30})
		require.NoError(t, err)
		require.NoError(t, storetest.CheckLog(messages))
		info, err := store.Room(t.Context(), room)
		require.NoError(t, err)
		require.EqualValues(t, len(messages), info.LastSeq)
		for _, m := range messages {
			stored[m.ID] = place{room, m.Seq}
		}
	}
	for id, at := range answered {
		require.Equal(t, at, stored[id], "%s was answered", id)
	}
}

// unavailable reports whether err is what users read when the disk is full.
func unavailable(err error) bool { return event.CodeOf(err) == event.CodeUnavailable }
