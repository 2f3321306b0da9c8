package interop_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/socketio/msgpack"
)

// caseRun says which cases the official client runs, and how.
type caseRun struct {
	URL        string   `json:"url"`
	Cases      []string `json:"cases"`
	Transports []string `json:"transports"`
	Parser     string   `json:"parser,omitempty"`
}

// runOfficialClient runs cases with the official client, each as a subtest.
func runOfficialClient(t *testing.T, run caseRun) {
	t.Helper()
	text, err := json.Marshal(run)
	require.NoError(t, err)
	var names []string
	for _, file := range run.Cases {
		require.NotEmpty(t, officialCases[file], file)
		for _, name := range officialCases[file] {
			names = append(names, file+"/"+name)
		}
	}
	runCases(t, node(t, "run_cases.mjs", string(text)), names, "")
}

// transports of the official client by the name of the run.
func officialTransports() map[string][]string {
	return map[string][]string{
		"websocket": {"websocket"},
		"polling":   {"polling"},
		"upgrade":   {"polling", "websocket"},
	}
}

func everyCase() []string { return []string{"basic", "acks", "rooms", "namespaces", "disconnect"} }

func TestOfficialClientAgainstOurServer(t *testing.T) {
	for name, transports := range officialTransports() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFixture(t, server.Config{})
			runOfficialClient(t, caseRun{URL: f.url, Cases: append([]string{"typed"}, everyCase()...), Transports: transports})
		})
	}
}

func TestOfficialClientAndItsHeartbeat(t *testing.T) {
	for name, transports := range officialTransports() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := server.Config{}
			cfg.Engine.PingInterval, cfg.Engine.PingTimeout = beat, beatTimeout
			f := startFixture(t, cfg)
			runOfficialClient(t, caseRun{URL: f.url, Cases: []string{"heartbeat"}, Transports: transports})
		})
	}
}

// Rows: B06 B07
func TestOfficialClientWithMsgpack(t *testing.T) {
	websocket := []string{"websocket"}
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		f := startFixture(t, server.Config{Parser: msgpack.New()})
		runOfficialClient(t, caseRun{URL: f.url, Cases: append([]string{"typed"}, everyCase()...), Transports: websocket, Parser: "msgpack"})
	})
	t.Run("ours, recovering", func(t *testing.T) {
		t.Parallel()
		f := startFixture(t, server.Config{Parser: msgpack.New(), Recovery: time.Minute})
		runOfficialClient(t, caseRun{URL: f.url, Cases: []string{"recovery"}, Transports: websocket, Parser: "msgpack"})
	})
	t.Run("official", func(t *testing.T) {
		t.Parallel()
		at := officialFixture(t, map[string]any{"parser": "msgpack"})
		runOfficialClient(t, caseRun{URL: at, Cases: everyCase(), Transports: websocket, Parser: "msgpack"})
	})
}

// With permessage-deflate, which the official client always offers, all cases hold as without, the limit of a
// message's size after decompression among them.
//
// Rows: E15
func TestOfficialClientWithCompression(t *testing.T) {
	for _, name := range []string{"websocket", "upgrade"} {
		transports := officialTransports()[name]
		t.Run(name+"/ours", func(t *testing.T) {
			t.Parallel()
			cfg := server.Config{}
			cfg.Engine.Compression.WebSocket = 1024
			f := startFixture(t, cfg)
			runOfficialClient(t, caseRun{URL: f.url, Cases: append([]string{"deflate"}, everyCase()...), Transports: transports})
		})
		t.Run(name+"/official", func(t *testing.T) {
			t.Parallel()
			at := officialFixture(t, map[string]any{"deflate": 1024})
			runOfficialClient(t, caseRun{URL: at, Cases: []string{"deflate"}, Transports: transports})
		})
	}
}

func TestOfficialClientIsRecovered(t *testing.T) {
	for name, transports := range officialTransports() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFixture(t, server.Config{Recovery: time.Minute})
			runOfficialClient(t, caseRun{URL: f.url, Cases: []string{"recovery"}, Transports: transports})
		})
	}
}

// The cases hold for the official server too, but for those of our typed contract.
func TestOfficialClientAgainstTheOfficialServer(t *testing.T) {
	for name, transports := range officialTransports() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runOfficialClient(t, caseRun{URL: officialFixture(t, nil), Cases: everyCase(), Transports: transports})
			beating := officialFixture(t, map[string]any{"pingInterval": beat.Milliseconds(), "pingTimeout": beatTimeout.Milliseconds()})
			runOfficialClient(t, caseRun{URL: beating, Cases: []string{"heartbeat"}, Transports: transports})
			recovering := officialFixture(t, map[string]any{"recovery": true})
			runOfficialClient(t, caseRun{URL: recovering, Cases: []string{"recovery"}, Transports: transports})
		})
	}
}
