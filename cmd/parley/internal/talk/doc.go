// Package talk is the chat in a terminal: a [Session] joins rooms, shows what is said there in the order of the
// messages' numbers, and sends what is typed exactly once, over the client in parley/shared/client and the contract in
// parley/shared/chat.
//
// It reads and writes through a [Screen], which is a terminal with a line editor or a pair of pipes. It must not know
// flags, files or signals; cmd/parley does.
package talk
