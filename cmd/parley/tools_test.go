package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/event"
)

// echo adds a namespace for the tools: "echo" acknowledges its arguments, "relay" sends them to everybody, "ask" asks
// everybody and acknowledges the first answer.
func echo(s *site) {
	ns := s.srv.Of(event.NewNamespace("/tools"))
	ns.OnConnect(func(sock *server.Socket) {
		sock.OnAck("echo", func(args event.Args, ack func(...any)) { ack(args...) })
		sock.On("relay", func(args event.Args) { _ = ns.Emit("relayed", args...) })
		sock.OnAck("ask", func(args event.Args, ack func(...any)) {
			for answer, err := range ns.Except(event.Room(sock.ID())).EmitAck(sock.Context(), "question", args...) {
				if err == nil {
					ack(answer.Args...)
				}
			}
		})
	})
}

func TestEmit(t *testing.T) {
	s := newSite(t)
	echo(s)
	file := filepath.Join(t.TempDir(), "bytes")
	require.NoError(t, os.WriteFile(file, []byte{1, 2, 255}, 0o600))
	base := []string{"emit", "--url", s.url(), "-n", "tools"}
	emit := func(input string, more ...string) (int, string, string) {
		return execute(t, input, append(base, more...)...)
	}

	code, out, errs := emit("", "--ack", "echo", "5", `"5"`, "plain text", `{"a":[1,null]}`, "@"+file)
	require.Equal(t, exitDone, code, errs)
	assert.Equal(t, "5\n\"5\"\n\"plain text\"\n{\"a\":[1,null]}\n{\"base64\":\"AQL/\"}\n", out)
	code, out, _ = emit("from stdin", "--ack", "echo", "@-")
	assert.Equal(t, exitDone, code)
	assert.Equal(t, "{\"base64\":\"ZnJvbSBzdGRpbg==\"}\n", out)

	code, out, _ = emit("", "echo", "no answer wanted")
	assert.Equal(t, exitDone, code)
	assert.Empty(t, out)

	code, _, errs = emit("", "--ack", "--timeout", "300ms", "nobody-answers")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "no acknowledgement in time")
	code, _, errs = emit("", "connect")
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, errs, "reserved")
	code, _, _ = emit("", "echo", "@/no/such/file")
	assert.Equal(t, exitFailed, code)
	code, _, errs = execute(t, "", "emit", "--url", s.url(), "-n", "other", "x")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "Invalid namespace")
	code, _, errs = execute(t, "", "emit", "--url", s.url(), "--auth", "{", "x")
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, errs, "--auth is not JSON")
}

func TestThePathOfTheAddressIsTheNamespace(t *testing.T) {
	s := newSite(t)
	echo(s)
	code, out, errs := execute(t, "", "emit", "--ack", "echo", "1", "--url", s.url()+"/tools")
	require.Equal(t, exitDone, code, errs)
	assert.Equal(t, "1\n", out)
	code, out, errs = execute(t, "", "emit", "--ack", "echo", "2", "--url", s.url()+"/elsewhere", "-n", "tools")
	require.Equal(t, exitDone, code, errs)
	assert.Equal(t, "2\n", out, "-n wins")
	code, _, errs = execute(t, "", "emit", "echo", "3", "--url", s.url()+"/elsewhere")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "Invalid namespace")

	p := launch(t, "listen", "--url", s.url()+"/tools", "relayed", "--count", "1")
	p.err.until(t, "connected to "+s.url()+"/tools /tools as ")
	code, _, errs = execute(t, "", "emit", "--url", s.url()+"/tools", "relay", "4")
	require.Equal(t, exitDone, code, errs)
	assert.Equal(t, exitDone, p.wait())
	assert.Equal(t, "relayed\t[4]\n", p.out.String())
}

func TestListen(t *testing.T) {
	s := newSite(t)
	echo(s)
	base := []string{"--url", s.url(), "-n", "/tools"}
	all := launch(t, append([]string{"listen", "--count", "2"}, base...)...)
	some := launch(t, append([]string{"listen", "--json", "relayed", "--count", "1"}, base...)...)
	asked := launch(t, append([]string{"listen", "question", "--ack", `{"answer":42}`}, base...)...)
	for _, p := range []*program{all, some, asked} {
		p.err.until(t, "connected to "+s.url()+" /tools as ")
	}
	code, out, errs := execute(t, "", append([]string{"emit", "--ack", "ask", `"why"`}, base...)...)
	require.Equal(t, exitDone, code, errs)
	assert.Equal(t, "{\"answer\":42}\n", out)
	asked.until("question\t[\"why\"]\n")
	code, _, errs = execute(t, "bin", append([]string{"emit", "relay", "1", "@-"}, base...)...)
	require.Equal(t, exitDone, code, errs)

	assert.Equal(t, exitDone, all.wait())
	assert.Equal(t, "question\t[\"why\"]\nrelayed\t[1,{\"base64\":\"Ymlu\"}]\n", all.out.String())
	assert.Equal(t, exitDone, some.wait())
	var got struct {
		Time, Event string
		Args        json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(some.out.String()), &got))
	assert.Equal(t, "relayed", got.Event)
	assert.JSONEq(t, `[1,{"base64":"Ymlu"}]`, string(got.Args))
	assert.NotEmpty(t, got.Time)
	assert.Equal(t, exitDone, asked.interrupt())

	code, _, _ = execute(t, "", append([]string{"listen", "--for", "50ms"}, base...)...)
	assert.Equal(t, exitDone, code)
	code, _, errs = execute(t, "", append([]string{"listen", "--ack", "1"}, base...)...)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, errs, "names of the events")
}

func TestListenComesBackAfterALostConnection(t *testing.T) {
	s := newSite(t)
	echo(s)
	p := launch(t, "listen", "--url", s.url(), "-n", "tools", "relayed")
	p.err.until(t, "connected")
	s.down()
	p.err.until(t, "disconnected: transport close")
	s.start()
	echo(s)
	// The client may come back before the namespace is there again, and is refused then: that ends nothing.
	require.Eventually(t, func() bool {
		code, _, _ := execute(t, "", "emit", "--url", s.url(), "-n", "tools", "relay", `"again"`)
		return code == exitDone
	}, patience, patience/1000)
}

func TestVersionAndHelp(t *testing.T) {
	code, out, _ := execute(t, "", "version")
	assert.Equal(t, exitDone, code)
	assert.Regexp(t, `^parley \S+.* go1\.\d+\S* \w+/\w+\n$`, out)
	code, out, _ = execute(t, "", "--help")
	assert.Equal(t, exitDone, code)
	assert.Contains(t, out, "bench")
	code, _, errs := execute(t, "")
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, errs, "expected one of")
}
