// Package load puts load on a chat server, as many users in many rooms would, and measures what comes of it: how long
// messages take, how many are lost or repeated, and what the server spends.
//
// A run has four phases. In the ramp, users connect at an even pace and join their rooms. While sending, messages are
// due at an even pace too, whether or not earlier ones have been answered, and every time is counted from the moment a
// message was due: a server that stalls does not look better for it. In the drain, what is on its way arrives. At the
// end every answered message is looked for at every other member of its room.
//
// It speaks the contract of parley/shared/chat over parley/shared/client, and knows no flags or terminals.
package load
