package ui

import (
	"hash/fnv"
	"strconv"
	"strings"
	"unicode"

	"github.com/maxence-charriere/go-app/v10/pkg/app"
)

// hues is how many avatar colours the style sheets have.
const hues = 10

// Hue is the class of the colour that belongs to an id: always the same one for
// the same id.
func Hue(id string) string {
	h := fnv.New32a()
	h.Write([]byte(id))
	sum := h.Sum32()
	sum = (sum ^ sum>>16) * 0x85ebca6b // the low bits alone hardly depend on the id
	return "hue-" + strconv.Itoa(int((sum^sum>>13)%hues))
}

// Initials are up to two letters or figures that stand for a name. A number at the
// end is what tells "bench 91" from "bench 94", so its last figures count.
func Initials(name string) string {
	words := words(name)
	switch len(words) {
	case 0:
		for _, r := range name {
			return string(r) // a name of emoji
		}
		return "?"
	case 1:
		return string(unicode.ToUpper([]rune(words[0])[0]))
	}
	first, last := []rune(words[0])[0], []rune(words[len(words)-1])
	if n := len(last); n > 1 && strings.Trim(string(last), "0123456789") == "" {
		return string(last[n-2:])
	}
	return string(unicode.ToUpper(first)) + string(unicode.ToUpper(last[0]))
}

func words(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
}

// Avatar draws who somebody is, as initials on a colour of their own. It says
// nothing that the name beside it does not say.
func Avatar(id, name, class string) app.UI {
	return app.Span().Class("avatar", Hue(id), class).Aria("hidden", "true").Text(Initials(name))
}

// RoomGlyph draws a room's sign: its first letter, on a tint instead of a colour
// and square where people are round.
func RoomGlyph(id, title, class string) app.UI {
	if w := words(title); len(w) > 0 {
		title = w[0]
	}
	return app.Span().Class("glyph", Hue(id), class).Aria("hidden", "true").Text(string([]rune(Initials(title))[0]))
}
