// Command parley is Parley on the command line.
//
//	parley chat --name Ann                        the chat, in a terminal or a script
//	parley emit --url http://host message '"hi"'  one event to any Socket.IO server
//	parley listen --url http://host/chat          show the events that arrive in namespace /chat
//	parley bench --connections 1000               load on a chat server, and what it makes of it
//	parley version                                what this is built from
//
// `parley COMMAND --help` tells the flags. Flags can be set in the environment as PARLEY_NAME and so on. The exit code
// is 0 when what was asked for is done, 1 when it failed, 2 when it was asked for wrongly.
package main
