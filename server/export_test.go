package server

// Resolved is c as a server with it works: what was left open has its default.
func (c Config) Resolved() Config { return c.withDefaults() }
