package client

// NetworkEvent is what a program learned about the network.
type NetworkEvent byte

const (
	// NetworkChanged: the network may have changed (another address, the page
	// came back to the front). A connection is tested, a waiting one is tried at
	// once.
	NetworkChanged NetworkEvent = iota
	// NetworkUp: the network is back. As NetworkChanged.
	NetworkUp
	// NetworkDown: there is no network. The connection is closed at once with
	// reason "transport close"; attempts go on as configured.
	NetworkDown
)

// Network watches the network and calls notify, from any goroutine, until stop
// is called. It must return at once.
type Network func(notify func(NetworkEvent)) (stop func())
