package engineio

// Reason says why a connection, or one namespace on it, ended. The strings are
// those of the reference, so that logs and handlers of both worlds agree.
type Reason string

// What a server sees.
const (
	ReasonServerNamespaceDisconnect Reason = "server namespace disconnect" // this server's code disconnected the socket
	ReasonClientNamespaceDisconnect Reason = "client namespace disconnect" // the client left the namespace
	ReasonServerShuttingDown        Reason = "server shutting down"        // this server is closing
	ReasonForcedServerClose         Reason = "forced server close"         // protocol violation, after a last flush; or nobody joined a namespace in time
)

// What a client sees.
const (
	ReasonIOServerDisconnect Reason = "io server disconnect" // the server ended the namespace
	ReasonIOClientDisconnect Reason = "io client disconnect" // this client's code did
)

// What either side sees.
const (
	ReasonPingTimeout    Reason = "ping timeout"    // no pong (server) or no ping (client) in time
	ReasonTransportClose Reason = "transport close" // the peer closed the connection
	ReasonTransportError Reason = "transport error" // reading or writing failed, or the peer misused the transport
	ReasonParseError     Reason = "parse error"     // malformed Engine.IO packet
	ReasonForcedClose    Reason = "forced close"    // malformed Socket.IO packet, protocol violation, or closed by own code
	ReasonSlow           Reason = "slow consumer"   // the peer read too slowly and its queue ran over; not in the reference
)

// Recoverable reports whether a server may keep the session of a socket that
// ended for this reason, so that the client can come back to it (connection
// state recovery).
func (r Reason) Recoverable() bool {
	switch r {
	case ReasonServerShuttingDown, ReasonForcedServerClose, ReasonPingTimeout,
		ReasonTransportClose, ReasonTransportError, ReasonForcedClose, ReasonSlow:
		return true
	}
	return false
}

// Reconnects reports whether a client goes on trying after this reason. It does
// not after one of the two sides said goodbye on purpose.
func (r Reason) Reconnects() bool {
	switch r {
	case ReasonIOServerDisconnect, ReasonIOClientDisconnect, ReasonServerNamespaceDisconnect, ReasonClientNamespaceDisconnect:
		return false
	}
	return true
}
