package gateway_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/server/gateway"
)

// What any Socket.IO client sees, frame by frame: the contract is plain JSON events to those who do not know our types.
func TestTheChatOnTheWire(t *testing.T) {
	address := start(t, build)
	bob := dial(t, address, "Bob", token("b"))
	bob.join("lobby")

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(address, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
	require.NoError(t, err)
	defer ws.CloseNow()
	changing := regexp.MustCompile(`"(sid|at|id|pid)":("[^"]*"|\d+)`)
	next := func() string {
		t.Helper()
		_, frame, err := ws.Read(ctx)
		require.NoError(t, err)
		return changing.ReplaceAllString(string(frame), `"$1":…`)
	}
	send := func(frame string) {
		t.Helper()
		require.NoError(t, ws.Write(ctx, websocket.MessageText, []byte(frame)))
	}
	assert.Equal(t, '0', rune(next()[0]))
	send(`40/chat,{"name":"Ann","token":"0123456789abcdef"}`)
	assert.Equal(t, `40/chat,{"sid":…}`, next())
	assert.Equal(t, `42/chat,["server:hello",{"build":"build-1","me":{"id":…,"name":"Ann"},"limits":{"text":4000,"name":40,"history":200}}]`, next())

	send(`42/chat,0["room:list"]`)
	assert.Equal(t, `43/chat,0[{"data":{"rooms":[`+
		`{"id":…,"title":"Lobby","topic":"Say hello","lastSeq":0,"online":1},`+
		`{"id":…,"title":"Random","topic":"Anything goes","lastSeq":0,"online":0},`+
		`{"id":…,"title":"Help","topic":"Ask, and somebody may know","lastSeq":0,"online":0}]}}]`, next())
	send(`42/chat,1["room:join",{"room":"lobby"}]`)
	assert.Equal(t, `43/chat,1[{"data":{"room":{"id":…,"title":"Lobby","topic":"Say hello","lastSeq":0,"online":2},`+
		`"members":[{"id":…,"name":"Ann"},{"id":…,"name":"Bob"}],"messages":[],"more":false,"reset":false}}]`, next())
	send(`42/chat,2["message:send",{"id":"11111111-2222-3333-4444-555555555555","room":"lobby","text":"hi"}]`)
	assert.Equal(t, `43/chat,2[{"data":{"id":…,"room":"lobby","seq":1,"from":{"id":…,"name":"Ann"},"text":"hi","at":…}}]`, next())
	bob.expect("Ann joined lobby", "lobby 1 Ann: hi")
	bob.say("lobby", "hello")
	assert.Equal(t, `42/chat,["message:posted",{"messages":[{"id":…,"room":"lobby","seq":2,"from":{"id":…,"name":"Bob"},"text":"hello","at":…}]}]`, next())

	send(`42/chat,3["message:send",{"id":"1","room":"lobby","text":"hi"}]`)
	assert.Equal(t, `43/chat,3[{"error":{"code":"invalid","message":"invalid message id"}}]`, next())
	send(`42/chat,4["room:leave",{"room":"lobby"}]`)
	assert.Equal(t, `43/chat,4[{"data":null}]`, next())
	bob.expect("Ann left lobby")
}

// Connections that break in the moment in which they are let in are not counted for ever.
func TestBrokenConnectionsAreNotCounted(t *testing.T) {
	address := start(t, gateway.Config{Build: "build-1", Connections: 1})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// enter connects and returns the last frame that arrives: the greeting or a refusal.
	enter := func(wait bool) (frame string) {
		ws, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(address, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
		require.NoError(t, err)
		defer ws.CloseNow()
		require.NoError(t, ws.Write(ctx, websocket.MessageText, []byte(`40/chat,{"name":"Ann","token":"0123456789abcdef"}`)))
		for wait && !strings.Contains(frame, "server:hello") && !strings.HasPrefix(frame, "44") {
			_, data, err := ws.Read(ctx)
			require.NoError(t, err)
			frame = string(data)
		}
		return frame
	}
	for range 30 {
		enter(false)
	}
	require.Eventually(t, func() bool { return strings.Contains(enter(true), "server:hello") }, patience, patience/1000)
}
