package socketio

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Decoding a packet takes few allocations and memory in proportion to its bytes, whatever part
// of it is long. If anything were done for each pair of bytes, a megabyte would take hours.
//
// Rows: B03 B04
// Advisories: CVE-2020-36049
func TestWorkOfADecoder(t *testing.T) {
	const n = 1 << 20
	x := strings.Repeat("x", n)
	for name, packet := range map[string]string{
		"argument":              `2["a","` + x + `"]`,
		"name":                  `2["` + x + `"]`,
		"namespace":             `2/` + x + `,["a"]`,
		"namespace without end": `2/` + x,
		"query":                 `2/a?` + x + `,["a"]`,
		"id":                    `2` + strings.Repeat("9", n) + `["a"]`,
		"id of zeros":           `2` + strings.Repeat("0", n) + `["a"]`,
		"count":                 `5` + strings.Repeat("1", n) + `-["a"]`,
		"count of zeros":        `5` + strings.Repeat("0", n) + `-["a"]`,
		"numbers":               `2["a"` + strings.Repeat(",1", n/2) + `]`,
		"digits":                `2["a",` + strings.Repeat("1", n) + `]`,
		"white space":           `2["a"` + strings.Repeat(" ", n) + `]`,
		"arrays":                `2["a"` + strings.Repeat(",[]", n/3) + `]`,
		"nested":                `2["a",` + strings.Repeat("[", n),
		"escapes":               `2["a","` + strings.Repeat(`\u0041`, n/6) + `"]`,
		"keys":                  `2["a",{` + strings.Repeat(`"k":0,`, n/6) + `"k":0}]`,
		"placeholders":          `51-["a"` + strings.Repeat(`,{"_placeholder":true,"num":0}`, n/30) + `]`,
		"auth":                  `0{"token":"` + x + `"}`,
		"error":                 `4"` + x + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			d := JSON().NewDecoder(Limits{})
			frame := Frame{Data: []byte(packet)}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, _ = d.Add(frame) // what is wrong with it is shown elsewhere
			runtime.ReadMemStats(&after)
			require.Less(t, after.Mallocs-before.Mallocs, uint64(100))
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8*len(packet)+16<<10))
		})
	}
}
