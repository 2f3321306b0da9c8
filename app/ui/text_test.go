package ui

import (
	"strings"
	"testing"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
	"github.com/stretchr/testify/require"
)

// links are the texts of the links in a text, with their addresses.
func links(s string) []string {
	var out []string
	for rest := s; ; {
		from, to := findLink(rest)
		if from < 0 {
			return out
		}
		out = append(out, rest[from:to])
		rest = rest[to:]
	}
}

func TestLinks(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"nothing here", nil},
		{"https://a.example", []string{"https://a.example"}},
		{"see http://a.example/b?c=d#e, then", []string{"http://a.example/b?c=d#e"}},
		{"HTTPS://A.EXAMPLE", []string{"HTTPS://A.EXAMPLE"}},
		{"www.a.example.", []string{"www.a.example"}},
		{"(https://a.example)", []string{"https://a.example"}},
		{"https://a.example/x_(y)", []string{"https://a.example/x_(y)"}},
		{"https://a.example/x_(y)).", []string{"https://a.example/x_(y)"}},
		{"“https://a.example/ü”", []string{"https://a.example/ü”"}},
		{"two https://a.example http://b.example", []string{"https://a.example", "http://b.example"}},
		{"line\nhttps://a.example\nline", []string{"https://a.example"}},
		{"<https://a.example>", []string{"https://a.example"}},
		{`"https://a.example"`, []string{"https://a.example"}},
		{"xhttps://a.example", nil},
		{"https://", nil},
		{"https:// a", nil},
		{"www.", nil},
		{"javascript:alert(1)", nil},
		{"data:text/html,x", nil},
		{"İhttps://a.example", []string{"https://a.example"}}, // lower case has other bytes
	} {
		require.Equal(t, c.want, links(c.text), c.text)
	}
}

func html(elems ...app.UI) string { return app.HTMLString(app.Div().Body(elems...)) }

func TestTextIsNeverMarkup(t *testing.T) {
	for _, s := range []string{
		`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `&lt;b&gt;`, `"><svg onload=alert(1)>`,
		`javascript:alert(1)`, "https://a.example/\"onmouseover=alert(1)//", "https://a.example/'x'", `https://user:pass@a.example/%22`,
	} {
		got := html(Text(s)...)
		require.NotContains(t, got, "<script", s)
		require.NotContains(t, got, "<img", s)
		require.NotContains(t, got, "<svg", s)
		for _, tag := range strings.SplitAfter(got, "<a ")[1:] {
			tag, _, _ = strings.Cut(tag, ">")
			require.NotContains(t, tag, "onmouseover", s)
			require.Contains(t, tag, `href="http`, s)
			require.Contains(t, tag, `rel="noopener noreferrer nofollow"`)
			require.Contains(t, tag, `target="_blank"`)
		}
	}
	require.Contains(t, html(Text("www.a.example")...), `href="https://www.a.example"`)
	require.Empty(t, Text(""))
}

func TestTextKeepsEveryCharacter(t *testing.T) {
	for _, s := range []string{"plain", "a https://b.example c", "www.x.example,www.y.example", "end https://a.example/."} {
		var b strings.Builder
		for rest := s; rest != ""; {
			from, to := findLink(rest)
			if from < 0 {
				b.WriteString(rest)
				break
			}
			b.WriteString(rest[:to])
			rest = rest[to:]
		}
		require.Equal(t, s, b.String())
	}
}

func FuzzFindLink(f *testing.F) {
	for _, s := range []string{"https://a.example", "www.", "İwww.x", "((https://x)", "https://\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for rest, n := s, 0; ; n++ {
			from, to := findLink(rest)
			if from < 0 {
				return
			}
			require.Less(t, from, to)
			require.LessOrEqual(t, to, len(rest))
			require.LessOrEqual(t, n, len(s))
			rest = rest[to:]
		}
	})
}

func TestOnlyEmoji(t *testing.T) {
	for _, s := range []string{"👍", "🎉🎉", "👩‍👩‍👧 ❤️", "👋🏽"} {
		require.True(t, OnlyEmoji(s), s)
	}
	for _, s := range []string{"", " ", "ok 👍", "👍👍👍👍", "12", "©"} {
		require.False(t, OnlyEmoji(s), s)
	}
}

func TestRightToLeft(t *testing.T) {
	for s, want := range map[string]bool{"": false, "hello": false, "مرحبا": true, "1. שלום world": true, "hello שלום": false, "123": false} {
		require.Equal(t, want, RightToLeft(s), s)
	}
}

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{
		"Ana": "A", "ana maria": "AM", "Ana-Maria Petrović": "AP", "  x ": "X", "": "?", "🦊": "🦊", "李 小龙": "李小", "ß": "ß", "42nd": "4",
		"bench 7": "B7", "bench 91": "91", "bench 94": "94", "bench 104": "04", "Room 42nd": "R4", "12 Monkeys": "1M", "1999": "1",
	} {
		require.Equal(t, want, Initials(name), name)
	}
}

func TestARoomIsItsFirstLetter(t *testing.T) {
	for title, want := range map[string]string{"Room 12": ">R<", "design reviews": ">D<", "- x 12": ">X<", "": ">?<"} {
		require.Contains(t, app.HTMLString(RoomGlyph("id", title, "")), want, title)
	}
}

func TestHueBelongsToTheID(t *testing.T) {
	seen := map[string]bool{}
	for i := range 200 {
		id := strings.Repeat("x", i)
		require.Equal(t, Hue(id), Hue(id))
		seen[Hue(id)] = true
	}
	require.Len(t, seen, hues, "every colour is used")
}
