package main

import (
	"context"
	"syscall/js"
	"time"

	"parley/shared/client"
	"parley/shared/engineio"
)

func main() {
	query := js.Global().Get("URLSearchParams").New(js.Global().Get("location").Get("search"))
	conn, err := client.New(query.Call("get", "url").String(), client.Config{
		// So long that only an event of the page can end a pause.
		Reconnect:     client.Reconnect{Delay: time.Hour, MaxDelay: time.Hour},
		CloseOnUnload: true,
	})
	if err != nil {
		panic(err)
	}
	s := conn.Main()
	log := js.Global().Get("Array").New()
	js.Global().Set("happened", log)
	s.OnConnect(func() { log.Call("push", "connect") })
	s.OnDisconnect(func(reason engineio.Reason, _ error) { log.Call("push", string(reason)) })
	js.Global().Set("id", js.FuncOf(func(js.Value, []js.Value) any { return s.ID() }))
	js.Global().Set("connected", js.FuncOf(func(js.Value, []js.Value) any { return s.Connected() }))
	js.Global().Set("echo", js.FuncOf(func(_ js.Value, args []js.Value) any {
		go func() {
			answer, err := s.EmitAck(context.Background(), "echo", args[0].String())
			if err != nil {
				log.Call("push", err.Error())
				return
			}
			log.Call("push", "echo "+answer.String(0))
		}()
		return nil
	}))
	conn.Connect()
	select {}
}
