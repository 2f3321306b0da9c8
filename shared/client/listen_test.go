package client_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"parley/shared/client"
	"parley/shared/event"
)

// Rows: H15 H16 L01 L03 M22
func TestHandlersRunInOrder(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s := r.conn.Of(chat)
		var log log
		note := func(line string) func(event.Args) {
			return func(args event.Args) { log.add(line + text(args)) }
		}
		stopFirst := s.On("a", note("first"))
		s.On("a", note("second"))
		s.Once("a", note("once"))
		stopAny := s.OnAny(func(name string, args event.Args) { log.add("any " + name) })
		p := r.open(s)
		p.Send(`42/chat,["a",1]`, `42/chat,["b"]`, `42/chat,["a",{"x":2}]`)
		assert.Equal(t, []string{
			"any a", "first 1", "second 1", "once 1", "any b", "any a", `first {"x":2}`, `second {"x":2}`,
		}, log.take())
		stopFirst()
		stopFirst()
		stopAny()
		p.Send(`42/chat,["a"]`)
		assert.Equal(t, []string{"second"}, log.take())

		// A handler that waits holds up those of its own namespace, in order, and
		// nothing else: not acknowledgements, not other namespaces.
		other := r.conn.Of(root)
		other.On("a", note("other"))
		p.Join(t, "/", "x")
		s.On("call", func(event.Args) {
			args, err := s.EmitAck(t.Context(), "ask")
			log.add(fmt.Sprint("answered", text(args), err))
		})
		p.Send(`42/chat,["call"]`, `42/chat,["a","waits"]`, `42["a","passes"]`)
		p.Expect(t, `42/chat,0["ask"]`)
		assert.Equal(t, []string{`other "passes"`}, log.take())
		p.Send(`43/chat,0["yes"]`)
		assert.Equal(t, []string{`answered "yes"<nil>`, `second "waits"`}, log.take())
	})
}

func TestStopIsExactAndLeaksNothing(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s := r.conn.Of(chat)
		var log log
		var stops []func()
		for i := range 3 {
			stops = append(stops, s.On("a", func(event.Args) {
				log.add(fmt.Sprint(i))
				if i == 0 {
					stops[1]() // the same event no longer reaches it
				}
			}))
		}
		before := s.NumberOfHandlers()
		for range 100 {
			s.On("a", func(event.Args) {})()
			s.OnAny(func(string, event.Args) {})()
			s.OnConnect(func() {})()
			r.conn.OnState(func(client.State) {})()
			for range client.Stream(canceled(), s, event.NewToClient[int](chat, "n")) {
			}
		}
		assert.Equal(t, before, s.NumberOfHandlers())
		p := r.open(s)
		p.Send(`42/chat,["a"]`)
		assert.Equal(t, []string{"0", "2"}, log.take())
	})
}

// Rows: H19 L03
func TestPanicInAHandler(t *testing.T) {
	caught := make(chan any, 1)
	with(t, client.Config{OnPanic: func(v any, stack []byte) {
		if strings.Contains(string(stack), "listen_test.go") {
			caught <- v
		}
	}}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		s.On("a", func(event.Args) { panic("boom") })
		s.On("a", func(event.Args) { log.add("the next handler") })
		p := r.open(s)
		p.Send(`42/chat,["a"]`)
		assert.Equal(t, "boom", <-caught)
		assert.Equal(t, []string{"connect", "a", "the next handler"}, log.take())
		assert.True(t, s.Connected())
	})
}

// Rows: H20 N21
func TestHandlersMayBeLateForASecond(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s := r.conn.Of(chat)
		p := r.open(s)
		var log log
		note := func(line string) func(event.Args) {
			return func(args event.Args) { log.add(line + text(args)) }
		}
		p.Send(`42/chat,["hello",1]`, `42/chat,["other",2]`, `42/chat,["hello",3]`)
		synctest.Wait()
		s.On("hello", note("hello"))
		p.Send(`42/chat,["hello",4]`)
		assert.Equal(t, []string{"hello 1", "hello 3", "hello 4"}, log.take())
		time.Sleep(2 * time.Second)
		s.On("other", note("other"))
		p.Send(`42/chat,["late"]`)
		synctest.Wait()
		s.On("late", note("late"))
		assert.Empty(t, log.take(), "stale events are not handed out")
	})
}

// Rows: L04 M02
func TestQuestionsOfTheServer(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s := r.conn.Of(chat)
		p := r.open(s)
		var later func(...any)
		s.OnAck("ask", func(args event.Args, ack func(...any)) {
			ack(args.String(0)+"!", []byte("b"))
			ack("twice")
		})
		s.OnAck("later", func(_ event.Args, ack func(...any)) { later = ack })
		s.OnAck("bad", func(_ event.Args, ack func(...any)) { ack(func() {}) })
		s.On("deaf", func(event.Args) {})
		p.Send(`42/chat,5["ask","x"]`, `42/chat,6["deaf"]`, `42/chat,7["nobody"]`, `42/chat,["ask","no ack wanted"]`, `42/chat,9["bad"]`)
		p.Expect(t, `461-/chat,5["x!",{"_placeholder":true,"num":0}]`, "bYg==")
		p.Send(`42/chat,8["later"]`)
		synctest.Wait()
		later()
		p.Expect(t, `43/chat,8[]`)
		synctest.Wait()
		p.ExpectNothing(t)

		p.Send(`42/chat,10["later"]`)
		synctest.Wait()
		p.Hang()
		p = r.server.Accept(t)
		p.Join(t, "/chat", "x")
		synctest.Wait()
		later("for another connection")
		synctest.Wait()
		p.ExpectNothing(t)
	})
}

// Rows: E17
func TestSlowHandlersDropTheConnection(t *testing.T) {
	with(t, client.Config{MaxPending: 10}, func(t *testing.T, r *rig) {
		s, log := r.socket(chat)
		release := make(chan struct{})
		s.On("slow", func(event.Args) { <-release })
		p := r.open(s)
		for range 20 {
			p.Send(`42/chat,["slow"]`)
		}
		p.AwaitClosed(t)
		close(release)
		lines := log.take()
		assert.Contains(t, lines, "disconnect: slow consumer")
		assert.Less(t, len(lines), 16)
		p = r.server.Accept(t)
		p.Join(t, "/chat", "x")
	})
}

type point struct{ X, Y int }

func (p point) Validate() error {
	if p.X < 0 {
		return event.Errorf(event.CodeInvalid, "x is negative")
	}
	return nil
}

var (
	moved   = event.NewToClient[point](chat, "moved")
	move    = event.NewToServer[point](chat, "move")
	leap    = event.NewCall[point, point](chat, "leap")
	rawLeap = event.NewRawCall[point, int](chat, "raw leap")
	locate  = event.NewAsk[string, point](chat, "locate")
	two     = event.NewToServer[event.Args2[int, string]](chat, "two")
)

// Rows: N20 H11
func TestTypedFunctions(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s := r.conn.Of(chat)
		p := r.open(s)
		var log log
		stop := client.On(s, moved, func(at point) { log.add(fmt.Sprint(at)) })
		p.Send(`42/chat,["moved",{"X":1,"Y":2}]`, `42/chat,["moved",{"X":-1}]`, `42/chat,["moved","text"]`, `42/chat,["moved",{"Y":3},"more"]`)
		assert.Equal(t, []string{"{1 2}", "{0 3}"}, log.take())
		stop()

		require.NoError(t, client.Emit(s, move, point{1, 2}))
		require.NoError(t, client.Emit(s, two, event.Args2[int, string]{A: 1, B: "b"}))
		p.Expect(t, `42/chat,["move",{"X":1,"Y":2}]`, `42/chat,["two",1,"b"]`)

		call := func(answer string) (point, error) {
			type result struct {
				at  point
				err error
			}
			ch := make(chan result)
			go func() {
				at, err := client.Call(t.Context(), s, leap, point{3, 4})
				ch <- result{at, err}
			}()
			question := p.Next(t)
			id, rest, _ := strings.Cut(strings.TrimPrefix(question, "42/chat,"), "[")
			assert.Equal(t, `"leap",{"X":3,"Y":4}]`, rest)
			p.Send("43/chat," + id + answer)
			res := <-ch
			return res.at, res.err
		}
		at, err := call(`[{"data":{"X":5,"Y":6}}]`)
		require.NoError(t, err)
		assert.Equal(t, point{5, 6}, at)
		_, err = call(`[{"error":{"code":"forbidden","message":"no"}}]`)
		assert.Equal(t, event.CodeForbidden, event.CodeOf(err))
		_, err = call(`[]`)
		assert.ErrorIs(t, err, event.ErrReply)

		answered := make(chan int, 1)
		go func() {
			n, _ := client.Call(t.Context(), s, rawLeap, point{})
			answered <- n
		}()
		p.Expect(t, `42/chat,3["raw leap",{"X":0,"Y":0}]`)
		p.Send(`43/chat,3[7]`)
		assert.Equal(t, 7, <-answered)

		refused := make(chan error, 1)
		go func() {
			_, err := client.Call(t.Context(), s, rawLeap, point{})
			refused <- err
		}()
		p.Expect(t, `42/chat,4["raw leap",{"X":0,"Y":0}]`)
		p.Send(`43/chat,4[{"error":{"code":"conflict","message":"taken"}}]`)
		assert.Equal(t, event.CodeConflict, event.CodeOf(<-refused))

		client.Answer(s, locate, func(ctx context.Context, who string) (point, error) {
			if who == "" {
				return point{}, event.Errorf(event.CodeNotFound, "who?")
			}
			return point{8, 9}, ctx.Err()
		})
		p.Send(`42/chat,1["locate","me"]`, `42/chat,2["locate",""]`, `42/chat,3["locate",4]`, `42/chat,["locate","x"]`)
		p.Expect(t, `43/chat,1[{"data":{"X":8,"Y":9}}]`, `43/chat,2[{"error":{"code":"not_found","message":"who?"}}]`)
		assert.Contains(t, p.Next(t), `43/chat,3[{"error":{"code":"invalid"`)

		wrong := r.conn.Of(admin)
		assert.ErrorIs(t, client.Emit(wrong, move, point{}), client.ErrNamespace)
		_, err = client.Call(t.Context(), wrong, leap, point{})
		assert.ErrorIs(t, err, client.ErrNamespace)
		assert.Panics(t, func() { client.On(wrong, moved, func(point) {}) })
	})
}

// The contract of a dynamic namespace is declared once, for a name that stands
// for all of them.
//
// Rows: N20 N11
func TestContractOfADynamicNamespace(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		four := r.conn.Of(event.NewNamespace("/chat-4"))
		s := four.As(chat)
		p := r.open(four)
		assert.Equal(t, "/chat-4", s.Namespace())

		var log log
		client.On(s, moved, func(at point) { log.add(fmt.Sprint(at)) })
		p.Send(`42/chat-4,["moved",{"X":1,"Y":2}]`)
		assert.Equal(t, []string{"{1 2}"}, log.take())
		require.NoError(t, client.Emit(s.Volatile(), move, point{1, 2}))
		p.Expect(t, `42/chat-4,["move",{"X":1,"Y":2}]`)
		client.Answer(s, locate, func(context.Context, string) (point, error) { return point{8, 9}, nil })
		p.Send(`42/chat-4,1["locate","me"]`)
		p.Expect(t, `43/chat-4,1[{"data":{"X":8,"Y":9}}]`)
		at := make(chan point, 1)
		go func() {
			got, _ := client.Call(t.Context(), s, leap, point{})
			at <- got
		}()
		p.Expect(t, `42/chat-4,0["leap",{"X":0,"Y":0}]`)
		p.Send(`43/chat-4,0[{"data":{"X":3,"Y":4}}]`)
		assert.Equal(t, point{3, 4}, <-at)

		own := event.NewToServer[int](event.NewNamespace("/chat-4"), "own")
		assert.NoError(t, client.Emit(s, own, 1), "its own name counts as well")
		assert.ErrorIs(t, client.Emit(s, event.NewToServer[int](admin, "x"), 1), client.ErrNamespace)
		assert.ErrorIs(t, client.Emit(four, move, point{}), client.ErrNamespace, "only the view")
		assert.ErrorContains(t, client.Emit(four, move, point{}), "Socket.As")
	})
}

func TestStream(t *testing.T) {
	numbers := event.NewToClient[int](chat, "number")
	with(t, client.Config{StreamBuffer: 4}, func(t *testing.T, r *rig) {
		s := r.conn.Of(chat)
		p := r.open(s)
		var log log
		ended := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer close(ended)
			for n, err := range client.Stream(ctx, s, numbers) {
				log.add(fmt.Sprint(n, " ", errText(err)))
			}
		}()
		synctest.Wait()
		p.Send(`42/chat,["number",1]`, `42/chat,["number","x"]`, `42/chat,["number",2]`)
		lines := log.take()
		require.Len(t, lines, 3)
		assert.Equal(t, "1 ", lines[0])
		assert.Contains(t, lines[1], "invalid")
		assert.Equal(t, "2 ", lines[2])
		p.Hang() // a stream lives on over a reconnection
		p = r.server.Accept(t)
		p.Join(t, "/chat", "x")
		p.Send(`42/chat,["number",3]`)
		assert.Equal(t, []string{"3 "}, log.take())
		cancel()
		<-ended
		assert.Equal(t, []string{"0 context canceled"}, log.take())
		assert.Zero(t, s.NumberOfHandlers()-1, "only the rig's listener is left")

		// A loop that is too slow gets what had fitted, then the error.
		var got []string
		first := true
		time.AfterFunc(time.Second, func() { p.Send(`42/chat,["number",9]`) })
		for n, err := range client.Stream(t.Context(), s, numbers) {
			got = append(got, fmt.Sprint(n, " ", errText(err)))
			if first {
				first = false
				for i := range 10 {
					p.Send(fmt.Sprintf(`42/chat,["number",%d]`, i+10))
				}
				synctest.Wait()
			}
			if err != nil {
				assert.ErrorIs(t, err, client.ErrStreamOverflow)
			}
		}
		assert.Equal(t, []string{"10 ", "11 ", "12 ", "13 ", "0 client: stream fell behind, events were lost"}, got[1:])
		assert.Equal(t, "9 ", got[0])
	})
}

func TestStreamEndsWithTheConn(t *testing.T) {
	numbers := event.NewToClient[int](chat, "number")
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s := r.conn.Of(chat)
		p := r.open(s)
		errs := make(chan error, 10)
		go func() {
			for n, err := range client.Stream(t.Context(), s, numbers) {
				if err != nil || n == 5 {
					errs <- err
				}
			}
		}()
		synctest.Wait()
		p.Send(`42/chat,["number",5]`)
		require.NoError(t, <-errs)
		require.NoError(t, r.conn.Close())
		assert.ErrorIs(t, <-errs, client.ErrClosed)
	})
}

func TestCloseFromAHandler(t *testing.T) {
	with(t, client.Config{}, func(t *testing.T, r *rig) {
		s := r.conn.Of(chat)
		s.On("bye", func(event.Args) { go func() { _ = r.conn.Close() }() })
		var states []string
		r.conn.OnState(func(st client.State) { states = append(states, st.Phase.String()) })
		p := r.open(s)
		p.Send(`42/chat,["bye"]`)
		assert.True(t, p.AwaitClosed(t))
		require.NoError(t, r.conn.Close())
		assert.True(t, slices.Contains(states, "closed"))
	})
}
