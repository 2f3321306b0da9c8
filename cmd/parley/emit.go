package main

import (
	"context"
	"fmt"

	"parley/shared/event"
)

type emitCommand struct {
	link
	Ack   bool     `help:"Wait for the acknowledgement and print its arguments, one JSON value a line."`
	Event string   `arg:"" help:"Name of the event."`
	Args  []string `arg:"" optional:"" help:"Arguments: JSON, or a plain string, or @FILE for the bytes of a file."`
}

// Help is shown by --help.
func (emitCommand) Help() string {
	return `An argument that is valid JSON is sent as that value: 5 is a number, '"5"' a string. Everything else is a ` +
		`string. @FILE sends the bytes of a file as binary, @- those of the standard input.`
}

// Run emits one event. It returns when the event has left, or with --ack when it was acknowledged.
func (c *emitCommand) Run(ctx context.Context, std streams) error {
	if event.Reserved(c.Event) {
		return fmt.Errorf("%w: the event name %q is reserved by the protocol", errUsage, c.Event)
	}
	args := make([]any, len(c.Args))
	for i, a := range c.Args {
		var err error
		if args[i], err = parseArgument(a, std.in); err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	conn, sock, err := c.open(ctx, false, nil)
	if err != nil {
		return err
	}
	defer conn.Close() // sends what is queued
	if !c.Ack {
		return sock.Unbuffered().Emit(c.Event, args...)
	}
	answer, err := sock.Unbuffered().EmitAck(ctx, c.Event, args...)
	if err != nil {
		return fmt.Errorf("emit %s: %w", c.Event, err)
	}
	for i := range answer {
		fmt.Fprintln(std.out, show(answer.Value(i)))
	}
	return nil
}
