package state

import (
	"maps"
	"slices"
	"time"

	"parley/shared/chat"
)

// How long things take, as a person notices them.
const (
	toastLasts  = 4 * time.Second
	retryDelay  = 5 * time.Second // before a join or a page that failed is asked for again
	listEvery   = 60 * 1000       // milliseconds between lists of rooms
	checkEvery  = 30 * 60 * 1000  // milliseconds between looks for a new release
	typingEvery = 3 * 1000        // milliseconds between "typing" while it goes on
)

// Sizes that keep a page that is open for weeks small.
const (
	keepChunks  = 4  // of a room that is not on screen
	keepNotices = 30 // of a room
	openPage    = 2 * ChunkSize
)

// Update returns the state after something happened and what is to be done
// because of it. It has no other effect.
func Update(s State, m Msg) (State, []Cmd) {
	u := step{State: s}
	u.apply(m)
	return u.State, u.cmds
}

// step is one Update under way. Its State is a copy; maps, slices and rooms in
// it are shared with the old State until they are copied by the methods below.
type step struct {
	State
	cmds  []Cmd
	owned []*Room // copies made in this step, free to be changed
	fresh bool    // Rooms is a copy
}

func (u *step) do(c Cmd) { u.cmds = append(u.cmds, c) }

func (u *step) later(d time.Duration, m Msg) { u.do(Later{Delay: d, Msg: m}) }

// room returns a copy of a room that may be changed, nil when there is none.
func (u *step) room(id chat.RoomID) *Room {
	r := u.Rooms[id]
	if r == nil || slices.Contains(u.owned, r) {
		return r
	}
	c := *r
	return u.put(&c)
}

// ensure is room, but makes one that is not there.
func (u *step) ensure(id chat.RoomID) *Room {
	if r := u.room(id); r != nil {
		return r
	}
	return u.put(&Room{Info: chat.RoomInfo{ID: id, Title: string(id)}})
}

func (u *step) put(r *Room) *Room {
	if !u.fresh {
		u.Rooms = maps.Clone(u.Rooms)
		if u.Rooms == nil {
			u.Rooms = make(map[chat.RoomID]*Room)
		}
		u.fresh = true
	}
	u.Rooms[r.Info.ID] = r
	u.owned = append(u.owned, r)
	return r
}

// ids are the rooms in a fixed order, so that equal states give equal commands.
func (u *step) ids() []chat.RoomID { return slices.Sorted(maps.Keys(u.Rooms)) }

func (u *step) online() bool { return u.Conn.Phase == Online }

func (u *step) toast(text string, failed bool) {
	u.NextToast++
	u.Toasts = append(slices.Clip(u.Toasts), Toast{ID: u.NextToast, Text: text, Error: failed})
	if len(u.Toasts) > 3 {
		u.Toasts = u.Toasts[1:]
	}
	u.later(toastLasts, ToastExpired{ID: u.NextToast})
}

func (r *Room) local() LocalRoom {
	return LocalRoom{Info: r.Info, Mine: r.Mine, Read: r.Read, Tail: r.Tail, Last: r.Last, SyncedAt: r.SyncedAt}
}

func (u *step) saveRoom(r *Room) { u.do(SaveRooms{Rooms: []LocalRoom{r.local()}}) }

func (u *step) apply(m Msg) {
	switch m := m.(type) {
	case Tick:
		u.tick(m.Now)
	case Started:
		u.Build = m.Build
		u.do(LoadLocal{})
	case LocalLoaded:
		u.localLoaded(m)
	case ConnChanged:
		u.connChanged(m)
	case Hello:
		u.hello(m.Info)
	case Rejected:
		u.rejected(m.Failure)
	case ReconnectAsked:
		u.reconnect()
	case Visibility:
		u.visibility(m.On)
	case UpdateReady:
		u.Installed = true
		u.release()
	case ReloadAsked:
		u.do(Reload{})
	case Panicked:
		u.Crash = m.Text
	case StorageFailed:
		u.toast("This device could not store something: "+m.Failure.Message, true)

	case RoomsListed:
		u.roomsListed(m.Rooms)
	case RoomsFailed:
		if !u.Listed && u.online() {
			u.later(retryDelay, listAgain{})
		}
	case listAgain:
		if !u.Listed && u.online() {
			u.do(ListRooms{})
		}
	case RoomAdded:
		u.roomInfo(m.Room)
		u.saveRoom(u.room(m.Room.ID))
		if m.Room.ID == u.Open {
			u.join(u.Open) // it was not there before
		}
	case CreateAsked:
		u.createAsked(m)
	case RoomCreated:
		u.roomCreated(m.Room)
	case CreateFailed:
		u.createFailed(m.Failure)
	case Navigated:
		u.navigated(m.Room)
	case RoomJoined:
		u.roomJoined(m)
	case JoinFailed:
		u.joinFailed(m)
	case joinAgain:
		u.join(m.room)
	case LeaveAsked:
		u.leave(m.Room)

	case Posted:
		u.posted(m.Messages)
	case LocalMessages:
		u.localMessages(m)
	case PageLoaded:
		u.pageLoaded(m)
	case PageFailed:
		u.pageFailed(m)
	case OlderWanted:
		u.olderWanted(m.Room)
	case GapWanted:
		u.gapWanted(m.Room, m.Seq)
	case healAgain:
		if r := u.room(m.room); r != nil {
			r.Stuck = false
			u.heal(r)
		}
	case Scrolled:
		u.AtEnd = m.AtEnd
		u.readOpen()
	case EndWanted:
		u.AtEnd = true
		u.readOpen()
		u.do(ScrollToEnd{})

	case MemberJoined:
		u.member(m.Notice, false)
	case MemberLeft:
		u.member(m.Notice, true)
	case TypingHeard:
		u.typingHeard(m.Notice)
	case typingExpired:
		u.typingExpired(m.room)
	case Typed:
		u.typed(m)

	case Submitted:
		u.submitted(m)
	case OutboxChanged:
		u.outboxChanged(m.Item)
	case OutboxSent:
		u.outboxSent(m)
	case OutboxGone:
		u.dropItem(m.ID)
	case RetryAsked:
		u.retry(m.ID)
	case DiscardAsked:
		u.discard(m.ID)
	case DraftChanged:
		u.draftChanged(m)

	default:
		u.applyPage(m)
	}
}
