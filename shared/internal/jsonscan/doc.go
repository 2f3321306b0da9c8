// Package jsonscan reads the outline of JSON text without decoding it: is it
// valid, how deep is it, where do its elements begin and end, and where are the
// attachment placeholders of Socket.IO.
//
// It knows RFC 8259 and the placeholder object {"_placeholder":true,"num":n}.
// It must not know packets, event names or Go types: it turns bytes into
// positions and never copies, decodes or keeps the text.
//
// [Index.Scan] and [Check] validate text that came from a peer. [Next], [Member]
// and [Skip] walk text that has been validated; on other text their results mean
// nothing, but they never panic and never read out of bounds. [AppendQuoted] and
// [AppendUnquoted] put strings into JSON and take them out.
package jsonscan
