package interop_test

import "testing"

// The official servers run the same cases: what they do not pass, we must not demand.
func TestConformanceCasesHoldForTheOfficialServers(t *testing.T) {
	var at struct{ Engine, Socket string }
	node(t, "conformance_server.mjs").next(t, &at)
	t.Run("engine", func(t *testing.T) { engineSuite(t, endpoint{at.Engine, "/engine.io/"}, true) })
	t.Run("engine below socket", func(t *testing.T) { engineSuite(t, endpoint{at.Socket, "/socket.io/"}, false) })
	t.Run("socket", func(t *testing.T) { socketSuite(t, endpoint{at.Socket, "/socket.io/"}) })
}
