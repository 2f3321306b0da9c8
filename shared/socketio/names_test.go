package socketio

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNamesAreKeptWithinBounds(t *testing.T) {
	var n names
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2 * maxNames {
				name := "name" + strconv.Itoa(i)
				if n.of([]byte(name)) != name {
					t.Error("wrong name")
				}
			}
		})
	}
	wg.Wait()
	assert.Len(t, *n.known.Load(), maxNames)

	var m names
	long := strings.Repeat("x", maxNameKept+1)
	assert.Equal(t, long, m.of([]byte(long)))
	assert.Nil(t, m.known.Load())
}

func TestNamesAreNotMadeTwice(t *testing.T) {
	var n names
	text := []byte("a name that is too long for a small string on the stack")
	n.of(text)
	assert.Zero(t, testing.AllocsPerRun(100, func() { n.of(text) }))
}
