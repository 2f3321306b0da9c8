package event_test

import (
	"fmt"

	"parley/shared/event"
)

// A contract that both ends import. Here the two ends are in one function, to show what crosses the wire.
func Example() {
	type draft struct {
		Room string `json:"room"`
		Text string `json:"text"`
	}
	type message struct {
		Seq  int    `json:"seq"`
		Text string `json:"text"`
	}
	ns := event.NewNamespace("/chat")
	send := event.NewCall[draft, message](ns, "message:send")

	// The caller's end: parley/shared/client does this in Call.
	request, _, _ := event.AppendArgs(nil, nil, event.EncodePayload(draft{"lobby", "hi"})...)
	fmt.Println(send, string(request))

	// The answering end: parley/server does this in Handle.
	d, _ := event.DecodePayload[draft](event.Args{event.Value{JSON: request}})
	good, _, _ := event.AppendArgs(nil, nil, event.EncodeReply(send.Raw(), message{1, d.Text}, nil)...)
	fmt.Println(string(good))
	refusal := event.Errorf(event.CodeNotFound, "no room %q", d.Room)
	bad, _, _ := event.AppendArgs(nil, nil, event.EncodeReply(send.Raw(), message{}, refusal)...)
	fmt.Println(string(bad))

	// The caller again.
	m, err := event.DecodeReply[message](send.Raw(), event.Args{event.Value{JSON: good}})
	fmt.Println(m.Seq, err)
	_, err = event.DecodeReply[message](send.Raw(), event.Args{event.Value{JSON: bad}})
	fmt.Println(err, event.CodeOf(err).Retryable())
	// Output:
	// /chat message:send {"room":"lobby","text":"hi"}
	// {"data":{"seq":1,"text":"hi"}}
	// {"error":{"code":"not_found","message":"no room \"lobby\""}}
	// 1 <nil>
	// not_found: no room "lobby" false
}
