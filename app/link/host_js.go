package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall/js"

	"parley/app/state"
	"parley/shared/chat"
	"parley/shared/client/outbox"
	"parley/shared/promise"
)

// Names in the browser's storage.
const (
	profileKey = "parley.profile"
	prefsKey   = "parley.prefs"
	dataPrefix = "parley-"
)

// Browser is the Host of a page: small things are in local storage, one user's
// data in an IndexedDB database of its own. It needs the scripts store.js and
// release.js of web/js on the page.
// When another tab forgets the profile, its user has signed out: this tab is
// loaded again then, as its data is gone.
func Browser() Host {
	js.Global().Call("addEventListener", "storage", js.FuncOf(func(_ js.Value, args []js.Value) any {
		if key := args[0].Get("key"); key.Type() == js.TypeString && key.String() == profileKey && args[0].Get("newValue").IsNull() {
			js.Global().Get("location").Call("reload")
		}
		return nil
	})) // for as long as the page lives
	return browser{}
}

type browser struct{}

// profileJSON is the profile as local storage has it.
type profileJSON struct {
	Name  string      `json:"name"`
	Token string      `json:"token"`
	ID    chat.UserID `json:"id,omitempty"`
}

func (browser) Identity(ctx context.Context, fresh func() string) (state.Profile, state.Prefs, error) {
	var p profileJSON
	var prefs state.Prefs
	err := getLocal(prefsKey, &prefs)
	// Two tabs opened at once must not become two people, of which one and what
	// they wrote is forgotten.
	held := outbox.Tabs(profileKey).Hold(ctx, func(context.Context) {
		err = errors.Join(err, getLocal(profileKey, &p))
		if len(p.Token) < chat.MinToken {
			p.Token = fresh()
			err = errors.Join(err, setLocal(profileKey, p))
		}
	})
	if p.Token == "" {
		p.Token = fresh()
	}
	return state.Profile{Name: p.Name, Token: p.Token, ID: p.ID}, prefs, errors.Join(err, held)
}

func (browser) SaveProfile(_ context.Context, p state.Profile) error {
	return setLocal(profileKey, profileJSON{Name: p.Name, Token: p.Token, ID: p.ID})
}

func (browser) SavePrefs(_ context.Context, p state.Prefs) error { return setLocal(prefsKey, p) }

func (browser) Open(ctx context.Context, key string) (Store, error) {
	name := dataPrefix + key
	db, err := promise.Call(ctx, js.Global().Get("parleyStore"), "open", name)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return &database{
		db:    db,
		queue: outbox.NewIndexedDB(db),
		group: outbox.Tabs(name + " outbox"),
	}, nil
}

func (browser) Forget(ctx context.Context, key string) error {
	err := errors.Join(removeLocal(profileKey), removeLocal(prefsKey))
	if key != "" {
		_, removeErr := promise.Call(ctx, js.Global().Get("parleyStore"), "remove", dataPrefix+key)
		err = errors.Join(err, removeErr)
	}
	return err
}

func (browser) Release(ctx context.Context, running string) (Release, error) {
	v, err := promise.Call(ctx, js.Global(), "parleyRelease", running)
	if err != nil {
		return NoNewer, err
	}
	switch v.String() {
	case "ready":
		return Installed, nil
	case "none":
		return NoInstaller, nil
	default:
		return NoNewer, nil
	}
}

func (browser) Reload() { js.Global().Get("location").Call("reload") }

func (browser) Notify(ctx context.Context, room chat.RoomID, title, body string) error {
	_, err := promise.Call(ctx, js.Global(), "parleyNotify", title, body, "room "+string(room), "/room/"+string(room))
	return err
}

func (browser) Online() bool {
	// Only a plain false says something; some systems never know.
	return js.Global().Get("navigator").Get("onLine").Type() != js.TypeBoolean ||
		js.Global().Get("navigator").Get("onLine").Bool()
}

// getLocal reads JSON from local storage; what is not there leaves v as it is.
func getLocal(key string, v any) error {
	item, err := promise.Call(context.Background(), js.Global().Get("localStorage"), "getItem", key)
	if err != nil || item.Type() != js.TypeString {
		return err
	}
	if err := json.Unmarshal([]byte(item.String()), v); err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return nil
}

func setLocal(key string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = promise.Call(context.Background(), js.Global().Get("localStorage"), "setItem", key, string(text))
	return err
}

func removeLocal(key string) error {
	_, err := promise.Call(context.Background(), js.Global().Get("localStorage"), "removeItem", key)
	return err
}

// database is a Store over what store.js opens.
type database struct {
	db    js.Value
	queue *outbox.IndexedDB
	group outbox.Group
}

// roomJSON is a room as the database has it.
type roomJSON struct {
	ID       chat.RoomID   `json:"id"`
	Info     chat.RoomInfo `json:"info"`
	Mine     bool          `json:"mine"`
	Read     int64         `json:"read"`
	Tail     int64         `json:"tail"`
	Last     chat.Message  `json:"last"`
	SyncedAt int64         `json:"syncedAt"`
}

func encodeRoom(r state.LocalRoom) roomJSON {
	return roomJSON{ID: r.Info.ID, Info: r.Info, Mine: r.Mine, Read: r.Read, Tail: r.Tail, Last: r.Last, SyncedAt: r.SyncedAt}
}

// call calls a method with strings and numbers as they are and everything else
// as JSON, and decodes a JSON answer into result unless that is nil.
func (d *database) call(ctx context.Context, result any, method string, args ...any) error {
	for i, arg := range args {
		switch arg.(type) {
		case string, int, float64:
			continue
		}
		text, err := json.Marshal(arg)
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		args[i] = string(text)
	}
	v, err := promise.Call(ctx, d.db, method, args...)
	if err != nil || result == nil {
		return err
	}
	if err := json.Unmarshal([]byte(v.String()), result); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

func (d *database) Rooms(ctx context.Context) ([]state.LocalRoom, error) {
	var stored []roomJSON
	if err := d.call(ctx, &stored, "rooms"); err != nil {
		return nil, err
	}
	rooms := make([]state.LocalRoom, 0, len(stored))
	for _, r := range stored {
		r.Info.ID = r.ID
		rooms = append(rooms, state.LocalRoom{Info: r.Info, Mine: r.Mine, Read: r.Read, Tail: r.Tail, Last: r.Last, SyncedAt: r.SyncedAt})
	}
	return rooms, nil
}

func (d *database) PutRooms(ctx context.Context, rooms []state.LocalRoom) error {
	encoded := make([]roomJSON, 0, len(rooms))
	for _, r := range rooms {
		encoded = append(encoded, encodeRoom(r))
	}
	return d.call(ctx, nil, "putRooms", encoded)
}

func (d *database) PutMessages(ctx context.Context, room state.LocalRoom, messages []chat.Message) error {
	if messages == nil {
		messages = []chat.Message{}
	}
	return d.call(ctx, nil, "putMessages", encodeRoom(room), messages, KeepMessages)
}

func (d *database) Messages(ctx context.Context, room chat.RoomID, before int64, limit int) ([]chat.Message, error) {
	var found []chat.Message
	err := d.call(ctx, &found, "page", string(room), float64(before), limit)
	return found, err
}

func (d *database) ForgetMessages(ctx context.Context, room chat.RoomID) error {
	return d.call(ctx, nil, "forget", string(room))
}

func (d *database) PutDraft(ctx context.Context, room chat.RoomID, text string) error {
	return d.call(ctx, nil, "putDraft", string(room), text)
}

func (d *database) Drafts(ctx context.Context) (map[chat.RoomID]string, error) {
	var stored []struct {
		Room chat.RoomID `json:"room"`
		Text string      `json:"text"`
	}
	if err := d.call(ctx, &stored, "drafts"); err != nil {
		return nil, err
	}
	drafts := make(map[chat.RoomID]string, len(stored))
	for _, s := range stored {
		drafts[s.Room] = s.Text
	}
	return drafts, nil
}

func (d *database) Outbox() (outbox.Store, outbox.Group) { return d.queue, d.group }

func (d *database) Close() error { return d.call(context.Background(), nil, "close") }
