package event

import (
	"cmp"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"

	"parley/shared/internal/jsonscan"
)

var (
	typeValue           = reflect.TypeFor[Value]()
	typeMarshaler       = reflect.TypeFor[json.Marshaler]()
	typeTextMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	typeUnmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	typeTextUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// What was found out about types. Both only ever gain entries that follow from
// the type alone, one for each type the program uses.
var (
	shapes     sync.Map // reflect.Type -> shape
	fieldLists sync.Map // reflect.Type -> fieldList
)

// shape is what the encoder has to know of a type.
type shape struct {
	binary bool // a value can have []byte or a Value in it; if not, encoding/json alone encodes it
	levels int  // how deep its JSON can nest
}

// boundless is the levels of a type that contains itself or an interface, or whose
// JSON, or a part of it, a json.Marshaler writes.
const boundless = 1 << 20

func shapeOf(t reflect.Type) shape {
	if known, ok := shapes.Load(t); ok {
		return known.(shape)
	}
	s := shape{binary: reachesBinary(t, map[reflect.Type]bool{}), levels: levelsOf(t, map[reflect.Type]int{})}
	shapes.Store(t, s)
	return s
}

func reachesBinary(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false // decided by the caller that is looking into it
	}
	seen[t] = true
	if t == typeValue {
		return true
	}
	if hasMarshaler(t) {
		return false
	}
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Slice:
		return isBytes(t) || reachesBinary(t.Elem(), seen)
	case reflect.Pointer, reflect.Array, reflect.Map:
		return reachesBinary(t.Elem(), seen)
	case reflect.Struct:
		for _, f := range fieldsOf(t).list {
			if reachesBinary(f.typ, seen) {
				return true
			}
		}
	}
	return false
}

// levelsOf returns the levels of t; those it is just finding out about count as
// boundless, for only a type that contains itself meets them again.
func levelsOf(t reflect.Type, known map[reflect.Type]int) int {
	if n, ok := known[t]; ok {
		return n
	}
	known[t] = boundless
	n := 0
	switch {
	case t.Implements(typeMarshaler) || reflect.PointerTo(t).Implements(typeMarshaler):
		n = boundless
	case t.Implements(typeTextMarshaler): // a string
	default:
		switch t.Kind() {
		case reflect.Interface:
			n = boundless
		case reflect.Pointer:
			n = levelsOf(t.Elem(), known)
		case reflect.Slice, reflect.Array, reflect.Map:
			n = 1 + levelsOf(t.Elem(), known)
		case reflect.Struct:
			for _, f := range fieldsOf(t).list {
				n = max(n, levelsOf(f.typ, known))
			}
			n++
		}
	}
	n = min(n, boundless)
	known[t] = n
	return n
}

// isBytes reports whether encoding/json would write t as base64.
func isBytes(t reflect.Type) bool {
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Uint8 {
		return false
	}
	p := reflect.PointerTo(t.Elem())
	return !p.Implements(typeMarshaler) && !p.Implements(typeTextMarshaler)
}

// hasMarshaler reports whether a value of type t writes its JSON itself.
func hasMarshaler(t reflect.Type) bool {
	return t.Implements(typeMarshaler) || t.Implements(typeTextMarshaler)
}

// hasUnmarshaler reports whether an addressable value of type t reads its JSON
// itself. An interface does not, whatever its methods: what it holds may.
func hasUnmarshaler(t reflect.Type) bool {
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer {
		return false
	}
	p := reflect.PointerTo(t)
	return p.Implements(typeUnmarshaler) || p.Implements(typeTextUnmarshaler)
}

// field is a member of the JSON object a struct becomes.
type field struct {
	name      string
	key       []byte // `"name":`
	index     []int
	typ       reflect.Type
	tagged    bool
	omitEmpty bool
	omitZero  bool
	quoted    bool
}

type fieldList struct {
	list   []*field // in the order in which encoding/json writes them
	byName map[string]*field
}

// find returns the field a member belongs to: the one of that name, else the
// first that differs from it by case only.
func (l fieldList) find(name string) *field {
	if f := l.byName[name]; f != nil {
		return f
	}
	for _, f := range l.list {
		if strings.EqualFold(f.name, name) {
			return f
		}
	}
	return nil
}

func fieldsOf(t reflect.Type) fieldList {
	if known, ok := fieldLists.Load(t); ok {
		return known.(fieldList)
	}
	l := fieldList{list: dominantFields(t), byName: map[string]*field{}}
	for _, f := range l.list {
		l.byName[f.name] = f
	}
	fieldLists.Store(t, l)
	return l
}

// dominantFields collects the fields of t and of the structs embedded in it,
// level by level, and keeps of each name the one encoding/json would: the
// shallowest, among those the tagged one, and none if two are left.
func dominantFields(t reflect.Type) []*field {
	type level struct {
		typ   reflect.Type
		index []int
	}
	var all []*field
	visited := map[reflect.Type]bool{}
	for current := []level{{typ: t}}; len(current) > 0; {
		times := map[reflect.Type]int{}
		for _, l := range current {
			times[l.typ]++
		}
		var next []level
		for _, l := range current {
			if visited[l.typ] {
				continue
			}
			visited[l.typ] = true
			for i := range l.typ.NumField() {
				sf := l.typ.Field(i)
				f, embedded, ok := describe(sf)
				if !ok {
					continue
				}
				f.index = append(slices.Clone(l.index), i)
				if embedded != nil {
					next = append(next, level{embedded, f.index})
					continue
				}
				all = append(all, &f)
				if times[l.typ] > 1 { // embedded twice at this level: the copies hide each other
					all = append(all, &f)
				}
			}
		}
		current = next
	}
	slices.SortFunc(all, func(a, b *field) int {
		return cmp.Or(
			strings.Compare(a.name, b.name),
			cmp.Compare(len(a.index), len(b.index)),
			compareBool(b.tagged, a.tagged),
			slices.Compare(a.index, b.index))
	})
	var kept []*field
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && all[j].name == all[i].name {
			j++
		}
		if j == i+1 || len(all[i].index) != len(all[i+1].index) || all[i].tagged != all[i+1].tagged {
			kept = append(kept, all[i])
		}
		i = j
	}
	slices.SortFunc(kept, func(a, b *field) int { return slices.Compare(a.index, b.index) })
	return kept
}

// describe reads the declaration of one struct field. embedded is the struct to
// look into when its fields are promoted.
func describe(sf reflect.StructField) (f field, embedded reflect.Type, ok bool) {
	t := sf.Type
	if sf.Anonymous {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if !sf.IsExported() && t.Kind() != reflect.Struct {
			return field{}, nil, false
		}
	} else if !sf.IsExported() {
		return field{}, nil, false
	}
	tag := sf.Tag.Get("json")
	if tag == "-" {
		return field{}, nil, false
	}
	name, options, _ := strings.Cut(tag, ",")
	if !validName(name) {
		name = ""
	}
	if name == "" && sf.Anonymous && t.Kind() == reflect.Struct {
		return field{}, t, true
	}
	f = field{name: name, typ: sf.Type, tagged: name != ""}
	if name == "" {
		f.name = sf.Name
	}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			f.omitEmpty = true
		case "omitzero":
			f.omitZero = true
		case "string":
			f.quoted = quotable(sf.Type)
		}
	}
	f.key = append(jsonscan.AppendQuoted(nil, f.name), ':')
	return f, nil, true
}

// quotable reports whether the option "string" applies to a field of type t.
func quotable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	}
	return false
}

// validName reports whether encoding/json takes name from a tag.
func validName(name string) bool {
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) {
			return false
		}
	}
	return name != ""
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
