package adapter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/shared/event"
	"parley/shared/socketio"
)

// Packet is an event in canonical form: Data is the JSON text of the array ["name",argument,…], in which
// {"_placeholder":true,"num":i} stands for Attachments[i]. It is immutable once handed over. The answer to
// an acknowledgement has the same form without the name.
type Packet struct {
	Data        []byte
	Attachments [][]byte
}

// Size is the number of bytes the packet holds.
func (p Packet) Size() int {
	n := len(p.Data)
	for _, a := range p.Attachments {
		n += len(a)
	}
	return n
}

// Args takes the packet of an answer apart.
func (p Packet) Args() (event.Args, error) {
	packet := socketio.Packet{Type: socketio.PacketAck, Data: p.Data, Attachments: p.Attachments}
	return packet.Args()
}

// Event takes the packet of an event apart.
func (p Packet) Event() (name string, args event.Args, err error) {
	packet := socketio.Packet{Type: socketio.PacketEvent, Data: p.Data, Attachments: p.Attachments}
	return packet.Event()
}

// Flags modify one emit.
type Flags struct {
	Volatile   bool // drop it for a member whose transport cannot take it now; never logged
	NoCompress bool // do not compress it, where the transport would
	Local      bool // only this server's members; who has missed it gets it when it comes back to this server
}

// Target says who is meant: the union of Rooms, or everybody when there are none, without the members of
// Except. A member is meant at most once. Every member is in the room named by its id. The slices are
// immutable once handed over.
type Target struct {
	Rooms  []event.Room
	Except []event.Room
	// Direct says that Rooms is the id of one socket and that nobody else is meant who has joined a room of that
	// name. Other servers may not know the difference.
	Direct bool
	Flags
}

// Member is a socket connected to this server, as adapters see it.
type Member interface {
	// ID is the public id of the socket, the name of its own room.
	ID() string
	// Slot is the place inside the socket in which an [Index] keeps its part. It is the same on every call.
	Slot() *Slot
	// Describe is what other servers may know of the socket.
	Describe() Info
	// Session is what would be found again if the connection broke now; after the end of the socket, what it left.
	// It may be called at any time without an adapter's lock held.
	Session() Session
}

// Info describes a socket, of this server or another, with the field names that the reference uses between
// servers.
type Info struct {
	ID        string         `json:"id"`
	Handshake Handshake      `json:"handshake"`
	Rooms     []event.Room   `json:"rooms"`
	Data      map[string]any `json:"data"`
	Node      string         `json:"-"` // the server it is connected to; "" is this one
}

// Handshake is the part of a connection's first request that travels between servers.
type Handshake struct {
	Headers Pairs           `json:"headers"` // lower-case names
	Time    string          `json:"time"`    // RFC 3339
	Address string          `json:"address"`
	XDomain bool            `json:"xdomain"`
	Secure  bool            `json:"secure"`
	Issued  int64           `json:"issued"` // unix milliseconds
	URL     string          `json:"url"`
	Query   Pairs           `json:"query"`
	Auth    json.RawMessage `json:"auth,omitempty"` // what the client sent with CONNECT
}

// Pairs are names with their values. One that comes several times has them in one, with ", " between.
type Pairs map[string]string

// UnmarshalJSON reads an object of strings or, as the reference writes what comes several times, of lists of them.
func (p *Pairs) UnmarshalJSON(text []byte) error {
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	*p = make(Pairs, len(all))
	for name, value := range all {
		switch v := value.(type) {
		case string:
			(*p)[name] = v
		case []any:
			list := make([]string, len(v))
			for i := range v {
				list[i] = fmt.Sprint(v[i])
			}
			(*p)[name] = strings.Join(list, ", ")
		}
	}
	return nil
}

// Answer is what one socket, or one server, replied to a question.
type Answer struct {
	Socket string     // the socket's id; "" for a server's answer and for a socket of a server that does not tell
	Node   string     // the server it came from; "" is this one
	Args   event.Args // nil when Err is not
	Err    error      // the deadline has passed, or the socket disconnected first
}

// Change is applied to a set of sockets: the rooms to join, to leave, and whether to disconnect them.
type Change struct {
	Join, Leave []event.Room
	Disconnect  bool // leave the namespace
	Close       bool // and close the whole connection
}

// Sink is a namespace as its adapter sees it. All methods are safe for concurrent use and none blocks on the
// network. An adapter may call Deliver and Replay with its own lock held, as long as Index, Remove, Keep, Suspend and
// Drop do without that lock. The others may call code of the application.
type Sink interface {
	// Namespace is the name on the wire.
	Namespace() string
	// Deliver queues p on every member, encoded once. Two calls one after the other arrive in that order. When
	// after is not nil the adapter calls it as soon as it holds no lock: it tells listeners of the application.
	Deliver(members []Member, f Flags, p Packet) (after func())
	// Replay queues what a recovering member has missed, before anything that is delivered to it, whatever it takes of
	// its queue: the caller keeps portions small. An error says that the member cannot be sent anything any more.
	Replay(m Member, ps []Packet) error
	// Ask queues p on every member with an acknowledgement wanted and calls answer once for each of them, from
	// any goroutine. finish ends the wait: members that have not answered are reported with err.
	Ask(members []Member, f Flags, p Packet, answer func(Answer)) (finish func(err error))
	// Apply carries out a change on members of this server.
	Apply(members []Member, c Change)
	// Evict ends a member whose client has come back on another connection, and returns what it leaves behind; ok is
	// false when it has said goodbye meanwhile. No lock may be held that Remove or Suspend takes.
	Evict(m Member) (s Session, ok bool)
	// ServerEvent hands over an event that another server sent to the namespace itself. reply is nil when no
	// answer is wanted, else it is called at most once.
	ServerEvent(p Packet, reply func(Packet))
	// Fault reports an error that no caller is there to receive.
	Fault(err error)
}

// Adapter distributes one namespace over the servers of a cluster. All methods are safe for concurrent use.
//
// Where a method asks other servers and some stay silent, it returns what it has together with a
// [*PartialError]; a nil error means that the answer is complete.
type Adapter interface {
	// Add makes m a member, reachable from now on by [Target]s; rooms are joined in the same step. It returns
	// the position up to which there is nothing for m to miss, "" without recovery.
	Add(m Member, rooms []event.Room) (position string)
	// Remove takes m out of all its rooms, ends its membership and returns the rooms it was in, its own first. Removing
	// it again does nothing.
	Remove(m Member) []event.Room
	// Join adds m to rooms it is not in, all or none. The error is ErrNotMember for a socket that is not a member, so
	// that whoever has joined a room finds it in what Remove returns, or ErrTooManyRooms; see Slot.MaxRooms.
	Join(m Member, rooms ...event.Room) error
	// Leave takes m out of rooms it is in.
	Leave(m Member, rooms ...event.Room)
	// Index is the membership of this server's sockets.
	Index() *Index

	// Broadcast delivers p to every member of the target, here and elsewhere. Packets broadcast by one goroutine
	// reach a member in that order. The error says that other servers may not have received it.
	Broadcast(ctx context.Context, t Target, p Packet) error
	// Ask is Broadcast with an acknowledgement wanted: got is called on the caller's goroutine for each member
	// that answered or failed, until ctx ends or got returns false.
	Ask(ctx context.Context, t Target, p Packet, got func(Answer) bool) error
	// Fetch describes every socket of the target.
	Fetch(ctx context.Context, t Target) ([]Info, error)
	// Update applies a change to every socket of the target and does not wait for other servers to do so.
	Update(ctx context.Context, t Target, c Change) error

	// Servers is the number of servers in the cluster, this one included.
	Servers(ctx context.Context) (int, error)
	// ServerEmit sends an event to the same namespace of every other server.
	ServerEmit(ctx context.Context, p Packet) error
	// ServerAsk is ServerEmit with an answer wanted from each; got is called as in Ask.
	ServerAsk(ctx context.Context, p Packet, got func(Answer) bool) error

	// Close ends the adapter and returns when its goroutines are gone. Members stay in the index.
	Close() error
}

// What [Adapter].Join refuses.
var (
	ErrNotMember    = errors.New("adapter: not a member of the namespace")
	ErrTooManyRooms = errors.New("adapter: too many rooms")
)

// PartialError says that some servers did not answer in time. What the others answered is complete.
type PartialError struct {
	Wanted   int      // servers that were asked
	Answered int      // servers that answered in full
	Missing  []string // the silent ones, where their names are known
	Cause    error    // usually a deadline
}

func (e *PartialError) Error() string {
	return fmt.Sprintf("adapter: %d of %d servers answered: %v", e.Answered, e.Wanted, e.Cause)
}

// Unwrap returns the cause.
func (e *PartialError) Unwrap() error { return e.Cause }

// ErrNoSession says that there is no session under that id: it never was, it has expired, was consumed, or
// ended with a goodbye.
var ErrNoSession = errors.New("adapter: no such session")

// ErrGap says that the log no longer reaches back to where a session stopped, so that it cannot be recovered
// without a hole.
var ErrGap = errors.New("adapter: the log does not reach back far enough")

// Session is what survives a lost connection.
type Session struct {
	PID   string       // secret id: whoever shows it may take the session over
	SID   string       // public id of the socket
	Rooms []event.Room // without the socket's own room
	Data  map[any]any  // application data; what has no string key or cannot be written as JSON stays on its server
	Start string       // position at the first connect: the client has missed nothing before it

	// Of a session that Take returned:

	From    string    // position from which Replay begins
	Expires time.Time // when it would have ended
	Track   any       // what the adapter itself keeps with the session
}

// Recoverer is an [Adapter] that keeps a log and sessions (connection state recovery). Its promises:
//
//   - A session is stored from the moment of connecting, so that a client which comes back before this server
//     noticed its loss, or after this server died, finds it.
//   - Take gives a session away exactly once, whoever asks, on any server.
//   - Replay leaves no gap and repeats nothing between what the client has seen, what is replayed, and what is
//     delivered live; when the log cannot promise that it returns [ErrGap].
type Recoverer interface {
	Adapter
	// Keep stores the session of a socket that is connected, or about to be after a Take, or notes that its rooms or
	// data have changed. It is cheap: an adapter that stores elsewhere collects changes and asks for [Member.Session]
	// when it writes.
	Keep(m Member)
	// Suspend says that the connection of m is lost: from now on its session expires. It is called again when the data
	// of m change after that, by handlers that were still at work; then it counts only while the session waits.
	Suspend(m Member)
	// Drop forgets the session of m, which said goodbye.
	Drop(m Member)
	// Take removes the session and returns it, ready for Replay. offset is the last position the client has seen, ""
	// when it has seen no event. A socket that is still connected under the session, on whatever server, is evicted;
	// what it keeps or suspends from then on counts no more.
	// The error is [ErrNoSession] when there is none, and [ErrGap] when the log does not reach back far enough; then
	// the session is gone all the same.
	Take(ctx context.Context, pid, offset string) (Session, error)
	// Return gives back a session that m has taken and kept without being let in, unless another socket has taken it
	// since; it expires as it would have.
	Return(m Member, s Session)
	// Replay hands to the Sink what the owner of s has missed, pausing with flush whenever a portion is queued, and
	// makes m a member of rooms, as Add does, in the same step as the last portion: packets delivered from then on
	// follow the replay without a gap. What was missed is what the rooms of s, not these, decide. After an error m is no
	// member, though it may have been sent a part.
	Replay(ctx context.Context, m Member, s Session, rooms []event.Room, flush func(context.Context) error) error
}
