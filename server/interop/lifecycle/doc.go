// Command lifecycle is a program for the browser that keeps a connection and
// tells the page's script about it, for the tests of what browsers do to pages:
// freezing them, taking the network away, closing them.
package main
