package engine_test

import (
	"fmt"
	"io"
	"testing"

	"parley/server/engine"
)

// One message for many receivers on this machine, whose system takes part in the
// cost: it delivers on the sender's time.
func BenchmarkBroadcast(b *testing.B) {
	for _, n := range []int{10, 1000} {
		for _, batch := range []bool{false, true} {
			b.Run(fmt.Sprintf("members=%d/batch=%v", n, batch), func(b *testing.B) {
				f := start(b, engine.Config{})
				sessions := make([]*app, n)
				for i := range sessions {
					var c *rawSocket
					c, sessions[i] = f.connectRaw()
					go io.Copy(io.Discard, c.br) //nolint:errcheck // ends with the connection
				}
				data := []byte(`2["news","32 bytes of payload, as usual"]`)
				o := engine.SendOptions{Batch: batch}
				b.ReportAllocs()
				for b.Loop() {
					m := engine.NewMessage(false, data)
					for _, s := range sessions {
						if err := s.Send(o, m); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/delivery")
			})
		}
	}
}

// One message there and back.
func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{32, 64 << 10} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			f := start(b, engine.Config{})
			c, _ := f.connectRaw()
			out := maskedFrame(0x82, make([]byte, size))
			in := make([]byte, len(out)-4)
			b.ReportAllocs()
			for b.Loop() {
				c.write(out...)
				if _, err := io.ReadFull(c.br, in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A poll and a post.
func BenchmarkPolling(b *testing.B) {
	f := start(b, engine.Config{})
	p, _ := f.poll()
	b.ReportAllocs()
	for b.Loop() {
		p.post("4hello")
		p.get()
	}
}
