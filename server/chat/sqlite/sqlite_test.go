package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	service "parley/server/chat"
	"parley/server/chat/sqlite"
	"parley/server/chat/storetest"
	"parley/shared/chat"
)

func TestMain(m *testing.M) {
	if job := os.Getenv(childJob); job != "" {
		if err := childJobs()[job](os.Getenv(childDir)); err != nil {
			fmt.Println("child failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// Some tests need a process of their own, to kill it or to give it a small disk: they start the test program again with
// these variables set.
const (
	childJob = "PARLEY_TEST_CHILD_JOB"
	childDir = "PARLEY_TEST_CHILD_DIR"
	childTip = "PARLEY_TEST_CHILD_TIP" // what a writer is told about the process before it
)

func childJobs() map[string]func(dir string) error {
	return map[string]func(dir string) error{"write until killed": writeUntilKilled, "fill the disk": fillTheDisk}
}

func childCommand(t testing.TB, job, dir, tip string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childJob+"="+job, childDir+"="+dir, childTip+"="+tip)
	cmd.Stderr = os.Stderr
	return cmd
}

// silent is a publisher with no one to tell.
type silent struct{}

func (silent) MessagesPosted(context.Context, chat.RoomID, []service.Posted) {}
func (silent) RoomCreated(context.Context, chat.RoomInfo, string)            {}

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func TestStore(t *testing.T) {
	paths := make(map[service.Store]string) // tests of the suite run one after the other
	openAt := func(t *testing.T, path string) service.Store {
		s := open(t, path)
		paths[s] = path
		return s
	}
	storetest.Run(t, storetest.Subject{
		Open: func(t *testing.T) service.Store { return openAt(t, filepath.Join(t.TempDir(), "data", "chat.db")) },
		Reopen: func(t *testing.T, s service.Store) service.Store {
			require.NoError(t, s.(*sqlite.Store).Close())
			return openAt(t, paths[s])
		},
	})
}

func TestAPathMayHaveAnyCharacter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c=d#e%41é", "chat.db")
	s := open(t, path)
	require.NoError(t, s.CreateRoom(t.Context(), chat.RoomInfo{ID: "a", Title: "A"}, 1))
	assert.FileExists(t, path)
}

func TestOpenFailsOnAFileThatIsNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	require.NoError(t, os.WriteFile(path, []byte("this is a text file and not a database at all, really not"), 0o600))
	_, err := sqlite.Open(t.Context(), path)
	require.Error(t, err)
	assert.NotErrorIs(t, err, service.ErrUnavailable, "waiting does not mend it")
	assert.Contains(t, err.Error(), path)
}

func TestTheSettingsThatDurabilityNeeds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	s := open(t, path)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
		for _, got := range s.Pragma(t.Context(), pragma) {
			assert.Equal(t, want, got, pragma)
		}
	}
	// Two processes on one file take turns.
	other, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer other.Close()
	_, err = other.Exec(`INSERT INTO rooms (id, title, topic, created_at) VALUES ('x', 'X', '', 0)`)
	require.NoError(t, err)
	rooms, err := s.Rooms(t.Context())
	require.NoError(t, err)
	assert.Len(t, rooms, 1)
}

func TestAPageReadsOnlyItsRows(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "chat.db"))
	for _, query := range []string{sqlite.ForwardQuery, sqlite.BackwardQuery} {
		plan := s.Plan(t.Context(), query)
		assert.NotContains(t, plan, "SCAN", "an index finds the rows")
		assert.NotContains(t, plan, "TEMP B-TREE", "the index has the order already")
	}
}
