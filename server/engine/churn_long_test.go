//go:build long

package engine_test

const churnConnections, churnRounds = 9000, 10
