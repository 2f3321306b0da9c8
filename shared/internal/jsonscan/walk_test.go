package jsonscan

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNextSplitsArrays(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{`[]`, nil},
		{`[ ]`, nil},
		{`["a",1,true,null,-2.5e3]`, []string{`"a"`, `1`, `true`, `null`, `-2.5e3`}},
		{"[ \"],\\\"\" ,\n[1,[2]] , {\"k\":\"}\",\"l\":[{}]} ]", []string{`"],\""`, `[1,[2]]`, `{"k":"}","l":[{}]}`}},
	} {
		var got []string
		for i := 1; ; {
			elem, next, ok := Next([]byte(c.text), i)
			if !ok {
				break
			}
			got = append(got, string(elem.Of([]byte(c.text))))
			i = next
		}
		assert.Equal(t, c.want, got, c.text)
	}
}

func TestMemberSplitsObjects(t *testing.T) {
	text := []byte(`{ "a\"b" : [1,2] ,"":{} , "c":"x"}`)
	var got []string
	for i := 1; ; {
		key, value, next, ok := Member(text, i)
		if !ok {
			break
		}
		got = append(got, string(key.Of(text)), string(value.Of(text)))
		i = next
	}
	assert.Equal(t, []string{`a\"b`, `[1,2]`, ``, `{}`, `c`, `"x"`}, got)
}

func TestAppendUnquoted(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{``, ""},
		{`plain é`, "plain é"},
		{`\"\\\/\b\f\n\r\t`, "\"\\/\b\f\n\r\t"},
		{`\u00e9\u2028\ud83d\ude00!`, "é\u2028😀!"},
		{`\ud83d`, "\ufffd"},
		{`\ud83dx`, "\ufffdx"},
		{`\ud83d\u0041`, "\ufffdA"},
		{`\ude00\ud83d`, "\ufffd\ufffd"},
		{"a\xffb\xe2\x82", "a\ufffdb\ufffd\ufffd"},
		// Not JSON: no panic, whatever comes out.
		{`x\`, "x"},
		{`x\u12`, "x"},
	} {
		assert.Equal(t, c.want, string(AppendUnquoted(nil, []byte(c.text))), c.text)
	}
}
