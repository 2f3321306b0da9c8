package server_test

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/engine"
	"parley/shared/event"
)

// hostile says how each input of testdata/hostile-inputs.txt is sent after the client has joined "/". A frame that
// begins with "b:" is binary.
var hostile = map[string][]string{
	"unknown EIO type 9":             {"9"},
	"empty ws message":               {""},
	"EIO open(0) from client":        {"0"},
	"EIO noop(6) from client":        {"6"},
	"EIO upgrade(5) on ws":           {"5"},
	"EIO ping(2) from client":        {"2"},
	"EIO pong unsolicited":           {"3"},
	"EIO close(1)":                   {"1"},
	"SIO type 7":                     {"47"},
	"SIO empty":                      {"4"},
	"event not array":                {`42{"a":1}`},
	"event empty array":              {`42[]`},
	"event name null":                {`42[null]`},
	"event name object":              {`42[{}]`},
	"event name number":              {`42[1]`},
	"event reserved connect":         {`42["connect"]`},
	"event reserved disconnecting":   {`42["disconnecting"]`},
	"event newListener":              {`42["newListener"]`},
	"event error":                    {`42["error","x"]`},
	"event __proto__ name":           {`42["__proto__",1]`},
	"bad json":                       {`42["x"`},
	"json NaN":                       {`42["x",NaN]`},
	"trailing junk":                  {`42["x"]junk`},
	"ack id huge":                    {`42999999999999999999["a"]`},
	"ack id w/o data":                {`425["a"]`},
	"ack unknown id":                 {`4399[]`},
	"ack not array":                  {`431{"a":1}`},
	"connect_error from client":      {`44{"message":"x"}`},
	"connect twice same nsp":         {"40"},
	"connect payload string":         {`40/other,"x"`},
	"connect payload array":          {`40/other,[1]`},
	"connect auth __proto__":         {`40/other,{"__proto__":{"x":1}}`},
	"connect unknown nsp":            {`40/nope,`},
	"connect nsp with query":         {`40/?token=x,`},
	"event on unjoined nsp":          {`42/other,["x"]`},
	"disconnect with payload":        {`41{"a":1}`},
	"disconnect unknown nsp":         {`41/other,`},
	"binary event 1 attachment ok":   {`451-["b",{"_placeholder":true,"num":0}]`, "b:\x01\x02"},
	"0 attachments then text":        {`450-["b"]`, `42["x"]`},
	"11 attachments":                 {`4511-["b"]`},
	"huge attachments":               {`45999999999-["b"]`},
	"attachments -1":                 {`45-1-["b"]`},
	"attachments 1e1":                {`451e1-["b"]`},
	"attachments blank":              {`45-["b"]`},
	"attachments missing dash":       {`451["b"]`},
	"placeholder num out of range":   {`451-["b",{"_placeholder":true,"num":1}]`, "b:\x01"},
	"placeholder num negative":       {`451-["b",{"_placeholder":true,"num":-1}]`, "b:\x01"},
	"placeholder num string splice":  {`451-["b",{"_placeholder":true,"num":"splice"}]`, "b:\x01"},
	"placeholder unused":             {`451-["b","x"]`, "b:\x01"},
	"text while attachments pending": {`451-["b",{"_placeholder":true,"num":0}]`, `42["x"]`},
	"binary without header":          {"b:\x01"},
	"binary ack unknown":             {`461-9[{"_placeholder":true,"num":0}]`, "b:\x01"},
	"attachments promised, never sent, then ping wait": {`451-["b",{"_placeholder":true,"num":0}]`},
	"deep nesting 100k":  {`42["x",` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "]"},
	"1MB+1 message":      {`42["` + strings.Repeat("x", 1_000_001-6) + `"]`},
	"room-name flood ev": {`42["x","` + strings.Repeat("a", 50) + `"]`},
}

// stricter lists where the reference leaves the connection open and this server does not, with the reason.
var stricter = map[string]string{
	"EIO close(1)":      "a close packet closes, as it does over polling",
	"deep nesting 100k": "the reference dies of it when it relays the event",
	"attachments 1e1":   "a count is digits",
	"ack id huge":       "an id that a number cannot hold could not be answered",
}

// Every input has the outcome it has with the reference, or the stricter one of the
// table above, over each transport; the server lives, and when its clients have gone
// it is as it was before them.
//
// Rows: B03 B04 N05 N19 E04 E11 E12 E13 E16
// Advisories: CVE-2022-2421 CVE-2023-32695 CVE-2024-38355 CVE-2026-33151 CVE-2020-36048
func TestHostileInputs(t *testing.T) {
	f := start(t, server.Config{Engine: engine.Config{
		CloseTimeout: time.Second,
		Transports:   []string{"polling", "websocket", "webtransport"},
	}})
	f.Of(event.NewNamespace("/other"))
	udp := f.listenUDP()
	l, s := udp.join(f) // the listener's goroutines begin when somebody comes
	l.leave()
	gone(t, s)
	for name, join := range map[string]func(*fixture) (line, *server.Socket){
		"websocket":    (*fixture).joinWebSocket,
		"polling":      (*fixture).joinPolling,
		"webtransport": udp.join,
	} {
		t.Run(name, func(t *testing.T) {
			first, s := join(f.with(t)) // starts what all clients share
			first.leave()
			gone(t, s)
			f.http.CloseIdleConnections()
			goroutines, heap := runtime.NumGoroutine(), heapInUse()
			eachHostile(t, func(t *testing.T, name string, open bool) {
				l, s := join(f.with(t))
				s.OnAny(func(_ string, args event.Args) {
					_ = s.Emit("relay", args...) // what comes in goes out, as applications do it
				})
				l.write(hostile[name]...)
				if !open {
					l.closed()
					gone(t, s)
					return
				}
				if name == "attachments promised, never sent, then ping wait" {
					l.write("b:\x01") // else nothing more may be sent
				}
				l.write(`42["still here"]`)
				l.until(`42["relay"]`)
				require.True(t, s.Connected())
				l.leave()
				gone(t, s)
			})
			f.http.CloseIdleConnections()
			require.Eventually(t, func() bool {
				return f.Engine().Count() == 0 && runtime.NumGoroutine() <= goroutines+1 // with the one that asks
			}, 20*time.Second, 10*time.Millisecond)
			require.Less(t, heapInUse(), heap+1<<20)
		})
	}
}

// eachHostile runs f as a test for each input of the file, with whether the
// connection shall stay open.
func eachHostile(t *testing.T, f func(t *testing.T, name string, open bool)) {
	t.Helper()
	text, err := os.ReadFile("testdata/hostile-inputs.txt")
	require.NoError(t, err)
	seen := map[string]bool{}
	for text := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(text), "|")
		if fields[0] != "SIO" {
			continue
		}
		name, outcome := fields[1], fields[2]
		if _, ok := hostile[name]; !ok {
			require.Contains(t, []string{"no CONNECT within connectTimeout", "event before CONNECT"}, name, "an input without its bytes")
			continue // TestConnectTimeout, TestEventBeforeConnect
		}
		seen[name] = true
		_, strict := stricter[name]
		t.Run(name, func(t *testing.T) { f(t, name, strings.HasPrefix(outcome, "open") && !strict) })
	}
	require.Len(t, seen, len(hostile), "an input that is not in the file")
}

// heapInUse returns the bytes of the heap that are reachable.
func heapInUse() uint64 {
	runtime.GC() // moves what pools hold to their second generation
	runtime.GC() // frees it
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
