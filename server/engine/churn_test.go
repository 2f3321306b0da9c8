//go:build !long

package engine_test

const churnConnections, churnRounds = 300, 4
