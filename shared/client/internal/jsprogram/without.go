//go:build without_client

package main

import "context"

func talk(ctx context.Context, _ string) error { return ctx.Err() }
