// Package polling is the HTTP side of the Engine.IO polling transport: it reads
// the bodies of posts and writes the answers of polls. When a poll waits, for
// what, and what a post does is the business of package engine.
package polling
