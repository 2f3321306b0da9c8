package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/shared/engineio"
	"parley/shared/event"
)

var (
	modelRounds = flag.Int("model.rounds", 1, "how often TestRecoveryModel runs, each time with another seed")
	modelSeed   = flag.Uint64("model.seed", 0, "the seed of its first round; 0: any")
)

// Clients are cut off at random places of their streams and come back, also in the middle of a replay, while several
// goroutines emit to all, to rooms, to all but rooms and to one socket, and rooms change. A model knows which events a
// client must get: those and no others, each once, in the order of who emitted them and with growing positions. No
// return may fail.
// Rows: K01 K02 K03 K04 K05 K07 K09 K11 K12 M22
func TestRecoveryModel(t *testing.T) {
	seed := *modelSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	cfg := server.Config{Recovery: time.Minute}
	slow := cfg
	slow.Engine.Queue.Messages = 40 // who does not keep up is cut off by the server
	short := cfg
	short.RecoveryBytes = 400 << 10 // some 1,700 events
	for _, c := range []struct {
		name string
		open func(t *testing.T) *modelNet
	}{
		{"tcp", func(t *testing.T) *modelNet { return &modelNet{fixture: start(t, cfg)} }},
		{"polling", func(t *testing.T) *modelNet {
			f := start(t, cfg).alone()
			f.http.Timeout = modelPatience
			return &modelNet{fixture: f, polling: true}
		}},
		{"pipe", func(t *testing.T) *modelNet { return &modelNet{fixture: startPipe(t, cfg)} }},
		{"slow", func(t *testing.T) *modelNet { return &modelNet{fixture: startPipe(t, slow)} }},
		{"short", func(t *testing.T) *modelNet { return &modelNet{fixture: start(t, short), short: true} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i := range *modelRounds {
				if !t.Run("", func(t *testing.T) { c.open(t).play(t, seed+uint64(i)) }) {
					return
				}
			}
		})
	}
}

const (
	modelClients  = 3
	modelEmitters = 3 // of each client
	modelSteps    = 1000
	modelBehind   = 200 // events that an emitter may be ahead of the client
	modelPatience = 20 * time.Second
)

// modelNet is a server with the clients of a model.
type modelNet struct {
	*fixture
	polling bool
	short   bool // so short a log that a client may have to begin anew: that is its end, here
	clients [modelClients]*modelClient
}

func (f *modelNet) play(t *testing.T, seed uint64) {
	t.Logf("-model.seed=%d", seed)
	f.t = t
	of := func(s *server.Socket) *modelClient {
		var auth struct{ Client int }
		_ = s.Handshake().Auth.Decode(&auth)
		return f.clients[auth.Client]
	}
	f.Use(func(next server.ConnectFunc) server.ConnectFunc {
		return func(ctx context.Context, s *server.Socket) error {
			if err := of(s).middleware(s); err != nil {
				return err
			}
			return next(ctx, s)
		}
	})
	f.OnConnect(func(s *server.Socket) { of(s).connected(s) })
	for n := range f.clients {
		c := &modelClient{f: f, n: n, dice: rand.New(rand.NewPCG(seed, uint64(n))), entered: make(chan *server.Socket, 1)}
		c.cond.L = &c.mu
		f.clients[n] = c
	}
	var wg sync.WaitGroup
	for _, c := range f.clients {
		wg.Go(c.run)
	}
	wg.Wait()
	for _, c := range f.clients {
		for _, event := range c.missing() {
			c.fail("%s never came", event)
		}
		t.Log("cuts:", c.cuts, "refused:", c.refused, "broken:", c.broken)
	}
}

// modelClient is a client and those who emit to it. What they have emitted is in its book.
type modelClient struct {
	f       *modelNet
	n       int
	dice    *rand.Rand
	entered chan *server.Socket // the middleware's

	// Used by the client's own goroutine.
	pid, id, offset       string
	position              uint64
	cuts, refused, broken int

	door struct { // what the middleware and OnConnect emit, and the room that they change
		sync.Mutex
		generation int
		in, known  bool
		data       any
		open       bool // the client has been told its id, and the last event is still to come
	}

	modelBook
	socket *server.Socket // guarded by mu; the last one that was connected
	latest int            // guarded by mu; its generation
}

func (c *modelClient) fail(format string, args ...any) {
	c.f.t.Errorf("client %d: "+format, append([]any{c.n}, args...)...)
	c.stop()
}

func (c *modelClient) room(name string) event.Room { return event.Room(fmt.Sprint(c.n, name)) }

// say emits an event to a target.
func (c *modelClient) say(who int, as fate, to interface {
	Emit(name string, args ...any) error
}) {
	number := c.enter(who, as)
	if err := to.Emit("m", c.n, who, number); err != nil {
		c.fail("emit: %v", err)
	}
}

// middleware runs whenever the client comes. The room it changes is another one only when the client has been let in.
func (c *modelClient) middleware(s *server.Socket) (err error) {
	d := &c.door
	d.Lock()
	defer d.Unlock()
	d.generation++
	room := c.room("door")
	if s.Recovered() { // else the client has not even learned its id
		if d.known && s.In(room) != d.in {
			c.fail("in the room: %v instead of %v", !d.in, d.in)
		}
		if d.data != nil && s.Get("data") != d.data {
			c.fail("data: %v instead of %v", s.Get("data"), d.data)
		}
	}
	d.in, d.known, d.data = s.In(room), false, nil
	s.Set("generation", d.generation)
	if d.open && s.Recovered() {
		c.say(ledgerDoor, meantIf(d.in), c.f.To(room))
		c.say(ledgerDoor, meantIf(!d.in), c.f.Except(room))
	}
	if d.generation%3 > 0 {
		_ = s.Join(room)
	} else {
		s.Leave(room)
	}
	s.Set("welcome", -1)
	if d.open && d.generation%2 == 0 {
		number := c.enter(ledgerWelcome, perhaps)
		if s.Emit("m", c.n, ledgerWelcome, number) == nil {
			s.Set("welcome", number)
		}
	}
	if s.Recovered() && d.generation%7 == 0 {
		err = event.Errorf(event.CodeForbidden, "no")
	}
	c.entered <- s
	return err
}

// connected is OnConnect.
func (c *modelClient) connected(s *server.Socket) {
	generation := s.Get("generation").(int)
	d := &c.door
	d.Lock()
	if generation == d.generation && d.open { // else it is over already
		room := c.room("door")
		d.in, d.known = generation%3 > 0, true
		c.say(ledgerDoor, meantIf(d.in), c.f.To(room, "nobody"))
		c.say(ledgerDoor, meantIf(!d.in), c.f.Except(room))
		s.Set("data", generation)
		first := c.enter(ledgerFirst, undecided)
		c.decide(ledgerFirst, first, meantIf(s.Emit("m", c.n, ledgerFirst, first) == nil))
		if s.Connected() { // so it was live
			d.data = generation
			if n := s.Get("welcome").(int); n >= 0 {
				c.decide(ledgerWelcome, n, meant)
			}
		}
	}
	d.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation > c.latest {
		c.socket, c.latest = s, generation
		c.cond.Broadcast()
	}
}

// emitter emits, and changes its own two rooms.
func (c *modelClient) emitter(who int, dice *rand.Rand, own event.Room) {
	rooms := []event.Room{c.room(fmt.Sprint("a", who)), c.room(fmt.Sprint("b", who))}
	in := make([]bool, len(rooms))
	var remote *server.RemoteSocket
	f := c.f
	for range modelSteps {
		c.mu.Lock()
		for c.ledgers[who].owed > modelBehind && !c.stopped {
			c.cond.Wait()
		}
		s, stopped := c.socket, c.stopped
		c.mu.Unlock()
		if stopped {
			return
		}
		switch dice.IntN(16) {
		case 0:
			c.say(who, meantIf(in[0]), f.To(rooms[0]))
		case 1:
			c.say(who, meantIf(in[1]), f.To(rooms[1], rooms[1]))
		case 2:
			c.say(who, meantIf(in[0] || in[1]), f.To(rooms...))
		case 3:
			c.say(who, meantIf(in[0] && !in[1]), f.To(rooms[0]).Except(rooms[1]))
		case 4:
			c.say(who, meantIf(!in[0]), f.Except(rooms[0]))
		case 5:
			c.say(who, meant, f.Except("nobody"))
		case 6:
			c.say(who, meant, f.To(own))
		case 7:
			c.say(who, spared, f.To("nobody", rooms[1]).Except("nobody", own))
		case 8:
			if list, err := f.To(own).Fetch(context.Background()); err == nil && len(list) == 1 { // nothing else names one socket
				remote = &list[0]
			}
			if remote != nil {
				c.say(who, meant, remote)
			}
		case 9, 10:
			number := c.enter(who, undecided)
			err := s.Emit("m", c.n, who, number)
			c.decide(who, number, meantIf(err == nil))
			if err != nil && err != server.ErrDisconnected {
				c.fail("emit: %v", err)
			}
		case 11:
			_ = f.Volatile().Emit("volatile", "text")
		case 12:
			_ = s.Volatile().Emit("volatile")
		case 13:
			ctx, cancel := context.WithCancel(context.Background())
			cancel() // nobody waits for the answer
			_, _ = s.EmitAck(ctx, "question", "text")
		case 14:
			for i, room := range rooms[:1+dice.IntN(2)] {
				in[i] = s.Join(room) == nil || in[i]
			}
		default:
			i := dice.IntN(2)
			s.Leave(rooms[i])
			if in[i] = false; !s.Connected() { // perhaps it was too late
				in[i] = c.resolve(rooms[i])
			}
		}
	}
}

// resolve tells whether the client is in a room.
func (c *modelClient) resolve(room event.Room) (in bool) {
	for {
		c.mu.Lock()
		for !c.stopped && !c.socket.Connected() {
			c.cond.Wait()
		}
		s, stopped := c.socket, c.stopped
		c.mu.Unlock()
		if in = s.In(room); s.Connected() || stopped {
			return in
		}
	}
}

// run is the client: it comes, reads some of what it is sent, and is cut off, until it gets the last event.
func (c *modelClient) run() {
	over := false
	defer func() {
		if !over {
			c.fail("it has ended")
		}
	}()
	var emitters sync.WaitGroup
	defer emitters.Wait()
	var half modelLine
	for begun := false; ; {
		line, s := c.come()
		if half != nil {
			half.cut()
			half = nil
		}
		most := c.most()
		for n := 0; ; n++ {
			if n >= most && begun {
				c.cuts++
				half = c.lose(line, s)
				break
			}
			text, err := line.frame()
			if err == errModelSilent {
				c.fail("%v", err)
				line.cut()
				over = true
				return
			}
			if err != nil {
				c.broken++
				line.cut()
				break
			}
			last, err := c.take(text)
			if err == errModelRefused {
				line.cut()
				break
			}
			if err == errModelAnew && c.f.short {
				line.cut()
				c.stop()
				over = true
				return
			}
			if err != nil {
				c.fail("%q: %v", text, err)
			}
			if last || c.isStopped() {
				line.cut()
				over = true
				return
			}
			if !begun && c.pid != "" {
				c.begin(&emitters)
				begun = true
			}
		}
	}
}

// most is how many packets the client reads from this connection.
func (c *modelClient) most() int {
	switch c.dice.IntN(4) {
	case 0:
		return c.dice.IntN(4)
	case 1:
		return 10 + c.dice.IntN(200)
	default:
		return 10 + c.dice.IntN(40)
	}
}

func (c *modelClient) come() (modelLine, *server.Socket) {
	auth, err := json.Marshal(struct {
		Client int     `json:"client"`
		PID    string  `json:"pid,omitempty"`
		Offset *string `json:"offset,omitempty"`
	}{c.n, c.pid, map[bool]*string{true: &c.offset}[c.offset != ""]})
	require.NoError(c.f.t, err)
	var line modelLine
	if c.f.polling {
		line = modelPoll{c.f.openPolling()}
	} else {
		line = modelPeer{c.f.dial()}
	}
	line.connect(string(auth))
	return line, await(c.f.t, c.entered)
}

// lose ends a connection in one of the ways in which it may. It is returned when it stays half-open.
func (c *modelClient) lose(line modelLine, s *server.Socket) (half modelLine) {
	switch c.dice.IntN(4) {
	case 0: // and the server has noticed it
		line.cut()
		if c.f.polling {
			s.Conn().Abort(engineio.ReasonTransportClose)
		}
		<-s.Context().Done()
	case 1:
		line.cut()
	case 2:
		s.Conn().Close(engineio.ReasonTransportClose)
		line.cut()
	default:
		return line
	}
	return nil
}

// begin starts those who emit, now that the client is there.
func (c *modelClient) begin(wg *sync.WaitGroup) {
	c.mu.Lock()
	for c.socket == nil {
		c.cond.Wait()
	}
	c.mu.Unlock()
	c.door.Lock()
	c.door.open = true
	c.door.Unlock()
	var running sync.WaitGroup
	for who := range modelEmitters {
		dice := rand.New(rand.NewPCG(c.dice.Uint64(), uint64(who)))
		running.Go(func() { c.emitter(who, dice, event.Room(c.id)) })
	}
	wg.Go(func() {
		running.Wait()
		c.door.Lock()
		defer c.door.Unlock()
		c.door.open = false
		_ = c.f.To(event.Room(c.id)).Emit("last", 0)
	})
}

var (
	errModelRefused = errors.New("refused")
	errModelAnew    = errors.New("not recovered")
	errModelSilent  = errors.New("nothing comes any more")
)

// take looks at a packet.
func (c *modelClient) take(text string) (last bool, err error) {
	switch {
	case strings.HasPrefix(text, "44"):
		c.refused++
		return false, errModelRefused
	case strings.HasPrefix(text, "40"):
		var answer struct{ SID, PID string }
		if err := json.Unmarshal([]byte(text[2:]), &answer); err != nil {
			return false, err
		}
		if c.pid == "" {
			c.pid, c.id = answer.PID, answer.SID
		}
		if answer.PID != c.pid || answer.SID != c.id {
			return false, errModelAnew
		}
		return false, nil
	case !strings.HasPrefix(text, "42["): // it wants an answer, and so it has no position
		return false, nil
	}
	var list []any
	if err := json.Unmarshal([]byte(text[2:]), &list); err != nil {
		return false, err
	}
	offset, ok := list[len(list)-1].(string)
	if !ok {
		return false, nil
	}
	_, digits, _ := strings.Cut(offset, ".")
	position, err := strconv.ParseUint(digits, 36, 64)
	if err != nil {
		return false, err
	}
	if grows := position > c.position; !grows && (list[0] != "volatile" || position < c.position) {
		return false, fmt.Errorf("the position was %d before", c.position)
	}
	c.offset, c.position = offset, position
	if list[0] == "m" && int(list[1].(float64)) == c.n {
		return false, c.receive(int(list[2].(float64)), int(list[3].(float64)))
	}
	return list[0] == "last", nil
}
