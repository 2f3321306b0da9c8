package event_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"parley/shared/event"
)

type draft struct {
	Text string `json:"text"`
}

// Rows: N20
func TestADeclarationKnowsItsPlaceAndName(t *testing.T) {
	ns := event.NewNamespace("chat")
	send := event.NewCall[draft, int](ns, "message:send")
	assert.Equal(t, "message:send", send.Name())
	assert.Equal(t, ns, send.Namespace())
	assert.Equal(t, "/chat message:send", send.String())
	assert.False(t, send.Raw())
	assert.True(t, event.NewRawCall[draft, int](ns, "x").Raw())
	assert.False(t, event.NewAsk[draft, int](ns, "x").Raw())
	assert.True(t, event.NewRawAsk[draft, int](ns, "x").Raw())

	// One wire name may go both ways: direction is part of the type, not of the name.
	up, down := event.NewToServer[draft](ns, "typing"), event.NewToClient[draft](ns, "typing")
	assert.Equal(t, up.Name(), down.Name())
}

func TestNamespaceNames(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "/"},
		{"/", "/"},
		{"chat", "/chat"},
		{"/chat", "/chat"},
		{"/a/b", "/a/b"},
		{"été", "/été"},
	} {
		ns, err := event.ParseNamespace(c.in)
		assert.NoError(t, err, c.in)
		assert.Equal(t, c.want, ns.Name(), c.in)
		assert.Equal(t, ns, event.NewNamespace(c.in))
	}
	for _, bad := range []string{"/a,b", "/a?b=c", "/a\nb", "/\xff", "/" + strings.Repeat("x", event.MaxNameBytes)} {
		_, err := event.ParseNamespace(bad)
		assert.Error(t, err, "%q", bad)
		assert.Panics(t, func() { event.NewNamespace(bad) }, "%q", bad)
	}
}

// Rows: M20
func TestADeclarationRefusesBadNames(t *testing.T) {
	ns := event.NewNamespace("/")
	for _, name := range []string{
		"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
		"", "a\x00b", "\xff", strings.Repeat("x", event.MaxNameBytes+1),
	} {
		assert.Panics(t, func() { event.NewToServer[draft](ns, name) }, "%q", name)
		assert.Panics(t, func() { event.NewToClient[draft](ns, name) }, "%q", name)
		assert.Panics(t, func() { event.NewCall[draft, draft](ns, name) }, "%q", name)
		assert.Panics(t, func() { event.NewRawCall[draft, draft](ns, name) }, "%q", name)
		assert.Panics(t, func() { event.NewAsk[draft, draft](ns, name) }, "%q", name)
		assert.Panics(t, func() { event.NewRawAsk[draft, draft](ns, name) }, "%q", name)
	}
	assert.Panics(t, func() { event.NewToServer[draft](event.Namespace{}, "x") })
	for _, name := range []string{"error", "connection", "message", "__proto__"} {
		assert.False(t, event.Reserved(name))
		assert.NotPanics(t, func() { event.NewToServer[draft](ns, name) }, "%q", name)
	}
}
