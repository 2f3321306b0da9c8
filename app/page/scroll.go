package page

import (
	"math"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"parley/app/state"
	"parley/shared/chat"
)

// Distances in pixels.
const (
	nearEnd  = 60   // this close to the end counts as being there
	ahead    = 1200 // chunks this far outside of the view are drawn
	usualRow = 62   // the height of a message that was never drawn

	mostDraw = 5 // chunks drawn at most
)

// scroller keeps the reader's place in the message list while rows come and go.
// It decides which chunks are drawn (lo to hi); the others keep their height.
// Browsers differ in whether and how they do that themselves, so the style sheet
// turns it off for the list. All of it runs on the UI goroutine.
type scroller struct {
	p    *program
	room chat.RoomID

	base, lo, hi int // the first chunk with a place; those to be drawn
	last         int // the newest chunk when it was followed last
	placed       bool

	drawnLo, drawnHi int // those that are drawn: lo and hi of the last drawing

	stick  bool // the end is in view and stays there
	target place
	focus  bool // the composer wants the focus
	moving bool // the next drawing is about the window, not about new messages
	anchor anchor

	heights map[int]float64 // of chunks that were drawn
	spaced  map[int]float64 // the heights that elements carry
}

// place is where the next drawing is to be scrolled to.
type place int

const (
	stay place = iota
	toEnd
	toNew
)

// anchor is a row and where in the view its message ended. Its end, because what
// is drawn above a message (the day, the sender's name) depends on the message
// before it, which may be loaded at that moment.
type anchor struct {
	row string
	end float64
	top float64 // how far the list was scrolled
}

func (s *scroller) list() app.Value { return byID("log") }

func rect(el app.Value) (top, bottom float64) {
	r := el.Call("getBoundingClientRect")
	return r.Get("top").Float(), r.Get("bottom").Float()
}

func (s *scroller) toEnd() {
	s.target = toEnd
	s.stick = true
	s.showEnd()
}

// showEnd draws the newest chunks.
func (s *scroller) showEnd() {
	if r := s.p.state.Rooms[s.room]; r != nil && r.Log.Len() > 0 {
		last := state.ChunkOf(r.Log.Last())
		if s.hi < last {
			s.hi = last
			s.lo = max(s.lo, last-mostDraw+1)
		}
	}
}

// capture remembers where the first visible row is. It runs before anything
// changes.
func (s *scroller) capture() {
	s.anchor = anchor{}
	if s.stick || !s.placed || s.target != stay {
		return
	}
	list := s.list()
	if !list.Truthy() {
		return
	}
	top, bottom := rect(list)
	rows := list.Call("querySelectorAll", ".slot[data-seq] > .msg")
	lo, hi := 0, rows.Length()
	for lo < hi { // the first row that ends below the top of the view
		mid := (lo + hi) / 2
		if _, end := rect(rows.Index(mid)); end <= top+1 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == rows.Length() {
		return
	}
	el := rows.Index(lo)
	if begin, end := rect(el); begin < bottom {
		s.anchor = anchor{row: el.Get("parentElement").Get("id").String(), end: end - top, top: list.Get("scrollTop").Float()}
	}
}

// follow fits the drawn chunks to the State before it is drawn.
func (s *scroller) follow() {
	open := s.p.state.Open
	if open != s.room {
		*s = scroller{p: s.p, room: open, focus: s.focus, stick: true, spaced: s.spaced, drawnLo: s.drawnLo, drawnHi: s.drawnHi}
	}
	r := s.p.state.Rooms[open]
	if r == nil || r.Log.Len() == 0 {
		s.placed = false
		return
	}
	first, last := state.ChunkOf(r.Log.First()), state.ChunkOf(r.Log.Last())
	if !s.placed {
		s.placed = true
		s.heights = make(map[int]float64)
		s.base = max(0, last-slotsBack)
		s.hi, s.lo, s.last = last, max(first, last-1), last
		s.target = toEnd
		if r.NewFrom > 0 {
			s.target, s.stick = toNew, false
			s.lo = max(first, min(s.lo, state.ChunkOf(r.NewFrom)), last-mostDraw+1)
		}
		return
	}
	if first < s.base {
		s.base = max(0, first-slotsBack) // every place moves: rare and slow
	}
	s.lo = max(s.lo, first)
	if s.stick || s.hi == s.last {
		s.hi = last
	}
	s.last = last
	s.hi = min(s.hi, last)
	if s.anchor.row != "" && s.anchor.top <= ahead && s.lo == s.drawnLo && r.Log.Chunk(s.lo-1) != nil {
		// History that was loaded to be read is drawn at once, not looked at first.
		s.lo, s.moving = s.lo-1, true
		s.hi = min(s.hi, s.lo+mostDraw-1)
	}
	s.lo = max(min(s.lo, s.hi), s.hi-mostDraw+1)
}

// stay keeps the end in view when the room for the list changes.
func (s *scroller) stay() {
	if list := s.list(); s.stick && list.Truthy() {
		list.Set("scrollTop", list.Get("scrollHeight"))
	}
}

// settle puts the reader's place right after a drawing, and sees whether more
// has to be drawn or loaded there.
func (s *scroller) settle() {
	list, r := s.list(), s.p.state.Rooms[s.room]
	if !list.Truthy() || !s.placed || r == nil {
		return
	}
	s.space(r)
	switch {
	case s.target == toNew:
		if line := byID("new-line"); line.Truthy() {
			top, _ := rect(list)
			at, _ := rect(line)
			list.Set("scrollTop", list.Get("scrollTop").Float()+at-top-80)
		} else {
			list.Set("scrollTop", list.Get("scrollHeight"))
		}
	case s.target == toEnd || s.stick:
		list.Set("scrollTop", list.Get("scrollHeight"))
	case s.anchor.row != "":
		if el := list.Call("querySelector", "#"+s.anchor.row+" > .msg"); el.Truthy() {
			top, _ := rect(list)
			_, end := rect(el)
			now := list.Get("scrollTop").Float()
			want := s.anchor.end
			if now > s.anchor.top || now+list.Get("clientHeight").Float() < list.Get("scrollHeight").Float()-1 {
				want -= now - s.anchor.top // the reader has scrolled since; otherwise the list got shorter
			}
			if moved := end - top - want; math.Abs(moved) >= 1 {
				list.Set("scrollTop", now+moved)
			}
		}
	}
	s.target = stay
	s.anchor = anchor{}
	s.moving = false
	s.look()
}

func (s *scroller) drawn(index int) bool { return index >= s.drawnLo && index <= s.drawnHi }

// space gives chunks that are not drawn the height they had, or may have. The
// content security policy allows that through the object model, not as an
// attribute.
func (s *scroller) space(r *state.Room) {
	if s.spaced == nil {
		s.spaced = make(map[int]float64)
	}
	for i := range s.spaced {
		if r.Log.Chunk(i) == nil || s.drawn(i) {
			setHeight(byID(slotID(i)), "")
			delete(s.spaced, i)
		}
	}
	for i := s.base; i <= state.ChunkOf(r.Log.Last()); i++ {
		c := r.Log.Chunk(i)
		if c == nil || s.drawn(i) {
			continue
		}
		h, ok := s.heights[i]
		if !ok {
			h = float64(c.Held) * usualRow
		}
		if s.spaced[i] == h {
			continue
		}
		if el := byID(slotID(i)); el.Truthy() {
			setHeight(el, app.FormatString("%.1fpx", h))
			s.spaced[i] = h
		}
	}
}

func setHeight(el app.Value, h string) {
	if el.Truthy() {
		el.Get("style").Set("height", h)
	}
}

// look sees what is in view: whether it is the end, whether other chunks have to
// be drawn, whether history has to be loaded. It runs on every scroll event.
func (s *scroller) look() {
	list := s.list()
	r := s.p.state.Rooms[s.room]
	if !list.Truthy() || r == nil || !s.placed || s.target != stay {
		return
	}
	top := list.Get("scrollTop").Float()
	view := list.Get("clientHeight").Float()
	last := state.ChunkOf(r.Log.Last())
	rest := list.Get("scrollHeight").Float() - top - view
	s.stick = rest <= nearEnd && s.hi >= last
	if s.stick != s.p.state.AtEnd {
		s.p.tell(state.Scrolled{AtEnd: s.stick})
	}
	if s.window(list, r) {
		return // drawn first, looked at again then
	}
	if top < ahead/2 && s.lo <= state.ChunkOf(r.Log.First()) && r.Fetch == nil && !r.Local && !r.Stuck && r.Log.First() > 1 && !(r.Bottom && !s.p.look().online(r)) {
		s.p.tell(state.OlderWanted{Room: s.room})
	}
	s.gaps(list, r)
}

// window draws the chunks around the view and reports whether that changed any.
func (s *scroller) window(list app.Value, r *state.Room) bool {
	boxTop, boxBottom := rect(list)
	lo, hi, ok := s.near(r, boxTop-ahead, boxBottom+ahead)
	if !ok || lo >= s.lo && hi <= s.hi && s.hi-s.lo < mostDraw {
		return false
	}
	// Widen at once, narrow only when there are too many.
	first, last := state.ChunkOf(r.Log.First()), state.ChunkOf(r.Log.Last())
	nlo, nhi := min(lo, s.lo), max(hi, s.hi)
	if nhi-nlo >= mostDraw {
		nlo, nhi = max(nlo, lo-1, first), min(nhi, hi+1, last)
	}
	if nhi-nlo >= mostDraw {
		nlo, nhi = lo, min(hi, lo+2*mostDraw)
	}
	if nlo == s.lo && nhi == s.hi {
		return false
	}
	s.lo, s.hi, s.moving = nlo, nhi, true
	s.p.ctx.Dispatch(func(ctx app.Context) {
		s.capture()
		ctx.Defer(func(app.Context) { s.p.drawn() })
	})
	return true
}

// near finds the chunks that reach into a stretch of the screen. It measures the
// drawn ones and from there only as far as it has to; all of them when the reader
// has jumped.
func (s *scroller) near(r *state.Room, from, to float64) (lo, hi int, ok bool) {
	first, last := max(s.base, state.ChunkOf(r.Log.First())), state.ChunkOf(r.Log.Last())
	// reaches reports where chunk i is: above the stretch, in it or below it.
	reaches := func(i int) (where int, there bool) {
		if r.Log.Chunk(i) == nil {
			return 0, false
		}
		el := byID(slotID(i))
		if !el.Truthy() {
			return 0, false
		}
		top, bottom := rect(el)
		if s.drawn(i) {
			s.heights[i] = bottom - top
		}
		switch {
		case bottom < from:
			return -1, true
		case top > to:
			return +1, true
		}
		return 0, true
	}
	take := func(i int) (where int, there bool) {
		if where, there = reaches(i); there && where == 0 {
			if !ok {
				lo, hi, ok = i, i, true
			}
			lo, hi = min(lo, i), max(hi, i)
		}
		return where, there
	}
	for i := s.lo; i <= s.hi; i++ {
		take(i)
	}
	if !ok {
		for i := first; i <= last; i++ {
			if where, there := take(i); there && where > 0 {
				break
			}
		}
		return lo, hi, ok
	}
	for i := s.lo - 1; lo <= s.lo && i >= first; i-- {
		if where, there := take(i); there && where < 0 {
			break
		}
	}
	for i := s.hi + 1; hi >= s.hi && i <= last; i++ {
		if where, there := take(i); there && where > 0 {
			break
		}
	}
	return lo, hi, true
}

// gaps asks for missing messages that are in view.
func (s *scroller) gaps(list app.Value, r *state.Room) {
	if r.Fetch != nil || r.Stuck || !s.p.look().online(r) {
		return
	}
	boxTop, boxBottom := rect(list)
	marks := list.Call("querySelectorAll", "[data-gap]")
	for i := range marks.Length() {
		el := marks.Index(i)
		if top, bottom := rect(el); bottom > boxTop && top < boxBottom {
			if seq := parseSeq(el.Get("dataset").Get("gap").String()); seq > 0 {
				s.p.tell(state.GapWanted{Room: s.room, Seq: seq})
			}
			return
		}
	}
}
