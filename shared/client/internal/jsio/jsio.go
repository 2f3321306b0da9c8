// Package jsio waits for JavaScript promises. It is empty outside js/wasm.
package jsio
