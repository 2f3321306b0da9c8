// Package interop holds no code of the product: its tests let Parley and the official JavaScript
// packages (and Debian's Python client) talk to each other, and run the protocols' conformance
// cases against both servers, so that a case which the official server would not pass is found too.
//
// The JavaScript side is in peers; its packages come from package-lock.json by `make npm`. A missing
// peer is a failure, never a skip.
package interop
