//go:build !js

package main

import "fmt"

func main() { fmt.Println("lifecycle is a program for the browser: build it with GOOS=js GOARCH=wasm") }
