package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
)

// hostileRequests says how each HTTP input of testdata/hostile-inputs.txt is sent: requests, each on a connection of its
// own, one while those before it are still unanswered or open. SID stands for a session that polls.
var hostileRequests = map[string][]string{
	"no transport":          {get("?EIO=4")},
	"transport=foo":         {get("?EIO=4&transport=foo")},
	"transport=__proto__":   {get("?EIO=4&transport=__proto__")},
	"transport=constructor": {get("?EIO=4&transport=constructor")},
	"transport twice":       {get("?EIO=4&transport=polling&transport=polling")},
	"EIO=3":                 {get("?EIO=3&transport=polling")},
	"EIO missing":           {get("?transport=polling")},
	"unknown sid":           {get(handshake + "&sid=unknown")},
	"sid=__proto__":         {get(handshake + "&sid=__proto__")},
	"sid=constructor":       {get(handshake + "&sid=constructor")},
	"handshake by POST":     {request("POST", handshake, "Content-Length: 2", "4x")},
	"DELETE":                {request("DELETE", handshake, "", "")},
	"OPTIONS cross-origin":  {request("OPTIONS", handshake, "Origin: http://evil.example\r\nAccess-Control-Request-Method: POST", "")},

	"GET cross-origin, CORS off":          {request("GET", handshake, "Origin: http://evil.example", "")},
	"bad Origin header (control char)":    {request("GET", handshake, "Origin: a\x01b", "")},
	"JSONP callback param (EIO4)":         {get(handshake + "&j=0")},
	"JSONP j=evil":                        {get(handshake + "&j=evil")},
	"slow headers (slowloris)":            {"GET /socket.io/" + handshake + " HTTP/1.1\r\nHost: x\r\nX-Slow: "},
	"transport=websocket without upgrade": {get("?EIO=4&transport=websocket")},

	"upgrade with unknown sid":     {upgrade("?EIO=4&transport=websocket&sid=unknown", "websocket", 13, wsKey)},
	"upgrade on polling transport": {upgrade(handshake, "websocket", 13, wsKey)},
	"upgrade: h2c token":           {upgrade("?EIO=4&transport=websocket", "h2c", 13, wsKey)},
	"ws version 99":                {upgrade("?EIO=4&transport=websocket", "websocket", 99, wsKey)},
	"ws bad key":                   {upgrade("?EIO=4&transport=websocket", "websocket", 13, "short")},

	"POST garbage":           {post("garbage")},
	"POST empty":             {post("")},
	"POST 100 empty packets": {post(strings.Repeat("\x1e", 99))},
	"POST base64 bad":        {post("b!!!")},
	"POST invalid utf8":      {post("4\xff")},
	"POST octet-stream (EIO3 binary)": {
		request("POST", session, "Content-Type: application/octet-stream\r\nContent-Length: 2", "4x")},
	"POST Content-Length 2e6": {request("POST", session, "Content-Length: 2000000", "4x")},
	"POST chunked endless 2MB": {
		request("POST", session, "Transfer-Encoding: chunked", strings.Repeat("400\r\n"+strings.Repeat("x", 1024)+"\r\n", 2000))},
	"POST half body then close": {request("POST", session, "Content-Length: 10", "4hell")},
	"POST after close packet":   {post("1"), post("4x")},
	"two GET polls at once":     {get(session), get(session)},
	"two POSTs at once":         {request("POST", session, "Content-Length: 10", "4hell"), post("4x")},
}

const (
	handshake = "?EIO=4&transport=polling"
	session   = handshake + "&sid=SID"
	wsKey     = "AAAAAAAAAAAAAAAAAAAAAA=="
)

func request(method, query, header, body string) string {
	if header != "" {
		header += "\r\n"
	}
	return method + " /socket.io/" + query + " HTTP/1.1\r\nHost: x\r\n" + header + "\r\n" + body
}

func get(query string) string { return request("GET", query, "", "") }

func post(body string) string {
	return request("POST", session, fmt.Sprint("Content-Length: ", len(body)), body)
}

func upgrade(query, to string, version int, key string) string {
	return request("GET", query, fmt.Sprintf("Connection: Upgrade\r\nUpgrade: %s\r\nSec-WebSocket-Version: %d\r\nSec-WebSocket-Key: %s",
		to, version, key), "")
}

// otherwise lists what this server answers otherwise than the reference, and why.
var otherwise = map[string]struct{ outcome, why string }{
	"upgrade on polling transport": {"400 code 3", "the query and the headers name different transports"},
	"POST garbage":                 {"400 code 3", "a payload that cannot be parsed is told; the reference only closes"},
	"POST empty":                   {"400 code 3", "as above: there is no empty packet"},
	"POST 100 empty packets":       {"400 code 3", "as above"},
	"POST base64 bad":              {"400 code 3", "as above; the reference decodes what it can"},
	"POST invalid utf8":            {"400", "text is UTF-8 on every transport; the reference replaces what is not"},
	"POST Content-Length 2e6":      {"413", "at once; the reference waits for the body"},
	"two POSTs at once":            {"400 code 3, first: 400", "who sent the first is told too; the reference drops the connection"},
	"OPTIONS cross-origin":         {"403 code 4", "the Origin header is checked on every request"},
	"GET cross-origin, CORS off":   {"403 code 4", "as above; the reference leaves it to the browser"},
	"JSONP callback param (EIO4)":  {"400 code 5", "JSONP is not spoken; no client of this version asks for it"},
	"JSONP j=evil":                 {"400 code 5", "as above"},
}

// Every HTTP input has the outcome it has with the reference, or the other one of the table above, and the server goes on.
//
// Rows: A09 A12 E02 E04 E06 E23
// Advisories: CVE-2020-28481 CVE-2023-31125 CVE-2020-36048 engine.io-6.6.7
func TestHostileRequests(t *testing.T) {
	text, err := os.ReadFile("testdata/hostile-inputs.txt")
	require.NoError(t, err)
	seen := 0
	for text := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSuffix(text, "\n"), "|", 3)
		if fields[0] != "HTTP" {
			continue
		}
		seen++
		name, recorded := fields[1], ""
		for i, answer := range strings.Split(fields[2], " / first: ") {
			if i > 0 {
				recorded += ", first: "
			}
			recorded += recordedOutcome(t, answer)
		}
		t.Run(name, func(t *testing.T) {
			require.Contains(t, hostileRequests, name, "an input without its bytes")
			got := outcomes(t, hostileRequests[name])
			if other, ok := otherwise[name]; ok {
				require.NotEqual(t, recorded, other.outcome, "not other than the reference")
				require.Equal(t, other.outcome, got)
				return
			}
			if !strings.Contains(recorded, "code") { // the reference says it in words of its own
				got = errorCode.ReplaceAllString(got, "")
			}
			require.Equal(t, recorded, got)
		})
	}
	require.Equal(t, seen, len(hostileRequests), "an input that is not in the file")
}

// outcomes sends the requests to a server of their own, each when nothing more happens, and tells what has come back in
// the end: to the last one, and to the one before it.
func outcomes(t *testing.T, requests []string) (text string) {
	synctest.Test(t, func(t *testing.T) {
		f := startPipe(t, server.Config{})
		_, sid, _ := strings.Cut(f.openPolling().url, "&sid=")
		var conns sync.WaitGroup
		defer conns.Wait()
		answers := make([]string, len(requests))
		for i, request := range requests {
			nc, err := f.http.Transport.(*http.Transport).DialContext(t.Context(), "tcp", "")
			require.NoError(t, err)
			defer func() { _ = nc.Close() }()
			answers[i] = "nothing"
			conns.Go(func() { _, _ = io.WriteString(nc, strings.ReplaceAll(request, "SID", sid)) })
			conns.Go(func() {
				resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
				if err != nil {
					return
				}
				body := ""
				if resp.StatusCode != http.StatusSwitchingProtocols {
					b, _ := io.ReadAll(resp.Body)
					body = string(b)
				}
				answers[i] = outcome(resp.StatusCode, body)
			})
			synctest.Wait()
		}
		text = answers[len(answers)-1]
		if len(answers) > 1 && requests[0] != post("1") { // of that one the file has no answer
			text += ", first: " + answers[0]
		}
		p := f.dial() // the server goes on
		f.connect(p, "/")
		p.cut()
		time.Sleep(time.Second) // net/http holds the connection of a refused body for a while
	})
	return text
}

// recordedOutcome is what is compared of an answer in the file.
func recordedOutcome(t *testing.T, recorded string) string {
	t.Helper()
	if strings.HasPrefix(recorded, "(nothing)") {
		return "nothing"
	}
	m := recordedAnswer.FindStringSubmatch(recorded)
	require.NotNil(t, m, recorded)
	status, err := strconv.Atoi(m[1])
	require.NoError(t, err)
	return outcome(status, m[2])
}

var (
	recordedAnswer = regexp.MustCompile(`^HTTP/1\.1 (\d+) (?:OK|[A-Z]\S*(?: [A-Z]\S*)*) (.*)$`)
	errorBody      = regexp.MustCompile(`\{"code":(\d)`)
	errorCode      = regexp.MustCompile(` code \d`)
)

// outcome is what is compared of an answer: its status, with the code of an error or the beginning of a success.
func outcome(status int, body string) string {
	if m := errorBody.FindStringSubmatch(body); m != nil {
		return fmt.Sprint(status, " code ", m[1])
	}
	if status == http.StatusOK {
		body, _, _ = strings.Cut(body, " ")
		return fmt.Sprint(status, " ", body[:min(len(body), 2)])
	}
	return fmt.Sprint(status)
}
