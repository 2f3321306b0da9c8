package site

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSortAttributes(t *testing.T) {
	for in, want := range map[string]string{
		`<p>no <b>attributes</b></p>`:                      `<p>no <b>attributes</b></p>`,
		`<a href="/" class="x y">z</a>`:                    `<a class="x y" href="/">z</a>`,
		"<img\n src=\"a\"\n alt=\"b > c\"\n hidden>":       `<img alt="b > c" hidden src="a">`,
		`<!doctype html z a>`:                              `<!doctype html z a>`,
		`text only`:                                        `text only`,
		`<broken a="`:                                      `<broken a="`,
		`<script src="b" defer></script><i id="1" a="2">é`: `<script defer src="b"></script><i a="2" id="1">é`,
	} {
		require.Equal(t, want, string(sortAttributes([]byte(in))))
	}
}
