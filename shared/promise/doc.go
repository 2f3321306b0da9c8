// Package promise lets Go wait for JavaScript: [Await] for a promise, [Call] for
// a method that returns one. It has content in js/wasm only.
package promise
