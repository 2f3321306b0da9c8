package engine_test

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/server/engine"
	"parley/shared/engineio"
)

// A pong has the bytes of its ping, and a close frame a code and a reason: nothing of what
// was read or written before, although buffers are used again.
//
// Rows: E08 E16
// Advisories: CVE-2016-10518 CVE-2026-45736
func TestControlFramesHaveOnlyTheirBytes(t *testing.T) {
	f := start(t, engine.Config{})
	secret := bytes.Repeat([]byte("secret"), 10_000)
	fill := func(s *rawSocket) {
		s.write(maskedFrame(0x82, secret)...)
		first, b, err := s.frame()
		require.NoError(t, err)
		require.Equal(t, byte(0x82), first)
		require.Equal(t, secret, b)
	}
	other, _ := f.connectRaw()
	fill(other)
	s, a := f.connectRaw()
	for n := range 126 {
		fill(s)
		ping := bytes.Repeat([]byte{byte(n)}, n)
		s.write(maskedFrame(0x89, ping)...)
		first, b, err := s.frame()
		require.NoError(t, err)
		require.Equal(t, byte(0x8a), first)
		require.Equal(t, string(ping), string(b))

		fill(s)
		s.write(joined(maskedFrame(0x02, secret), maskedFrame(0x89, ping), maskedFrame(0x80, secret))...)
		first, b, err = s.frame()
		require.NoError(t, err)
		require.Equal(t, byte(0x8a), first, "inside of a message")
		require.Equal(t, string(ping), string(b))
		_, _, err = s.frame()
		require.NoError(t, err)
	}
	a.Close(engineio.ReasonServerShuttingDown)
	first, b, err := s.frame()
	require.NoError(t, err)
	require.Equal(t, byte(0x88), first)
	require.Equal(t, code(1001)+string(engineio.ReasonServerShuttingDown), string(b))
	for n := range 124 {
		s, _ := f.connectRaw()
		fill(s)
		reason := strings.Repeat("r", n)
		s.write(closeFrame(4000, reason)...)
		first, b, err := s.frame()
		require.NoError(t, err)
		require.Equal(t, byte(0x88), first)
		require.Equal(t, code(4000)+reason, string(b))
	}
}

func code(n uint16) string { return string(binary.BigEndian.AppendUint16(nil, n)) }

// A message takes the memory of its bytes, in however small fragments they come, and an empty
// fragment takes none.
//
// Rows: E13 E23
// Advisories: CVE-2026-48779 CVE-2026-42786
func TestTinyFragments(t *testing.T) {
	for name, c := range map[string]struct {
		fragments []byte
		want      int
	}{
		"of one byte": {bytes.Repeat(maskedFrame(0x00, []byte("x")), 300_000), 300_000},
		"empty":       {bytes.Repeat(maskedFrame(0x00, nil), 300_000), 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, engine.Config{})
			s, _ := f.connectRaw()
			heap := func() int {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return int(m.HeapAlloc)
			}
			before := heap()
			s.write(maskedFrame(0x01, []byte("4"))...)
			s.write(c.fragments...)
			s.write(maskedFrame(0x89, nil)...) // answered when all that has been read
			first, _, err := s.frame()
			require.NoError(t, err)
			require.Equal(t, byte(0x8a), first)
			require.Less(t, heap()-before, 4*c.want+256<<10)
			s.write(maskedFrame(0x80, nil)...)
			_, b, err := s.frame()
			require.NoError(t, err)
			require.Len(t, b, 1+c.want)
		})
	}
}
