//go:build !js

package outbox

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// compactAfter is how many dead lines a journal may hold before it is rewritten.
const compactAfter = 256

// File is a Store in one file: a journal of JSON lines, each synced to the disk
// before the call that wrote it returns. A line torn by a crash is dropped when
// the file is opened again. One process at a time can have it open, where the
// system knows file locks. Use OpenFile.
type File struct {
	mu     sync.Mutex
	memory *Memory  // the items as the journal says; only changed after it
	path   string   // immutable
	file   *os.File // guarded by mu
	size   int64    // guarded by mu: the length of the good part
	dead   int      // guarded by mu: lines that say nothing any more
	broken error    // guarded by mu: why no more can be written
}

// record is one line of the journal.
type record struct {
	Last   int64  `json:"last,omitempty"`   // the highest Order given out so far
	Put    *Item  `json:"put,omitempty"`    // the item as it is from here on
	Remove string `json:"remove,omitempty"` // the ID of an item that is gone
}

// OpenFile opens the journal at path and makes it when there is none. It fails
// with ErrLocked when another process has it open and with ErrCorrupt when a
// line before the last cannot be read. Close it when done.
func OpenFile(path string) (*File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	f := &File{memory: NewMemory(), path: path, file: file}
	if err := lockFile(file); err != nil {
		return nil, errors.Join(fmt.Errorf("open outbox %s: %w", path, err), file.Close())
	}
	if err := f.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("open outbox %s: %w", path, err), file.Close())
	}
	if err := syncDir(path); err != nil {
		return nil, errors.Join(fmt.Errorf("open outbox %s: %w", path, err), file.Close())
	}
	return f, nil
}

// Close closes the file. Everything acknowledged is on the disk already.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if errors.Is(f.broken, os.ErrClosed) {
		return nil
	}
	f.broken = os.ErrClosed
	return f.file.Close()
}

// Add implements Store.
func (f *File) Add(ctx context.Context, it Item) (Item, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := f.memory.find(it.ID); i >= 0 {
		return f.memory.items[i], f.broken
	}
	it.Order = f.memory.last + 1
	if err := f.write(record{Put: &it}); err != nil {
		return Item{}, err
	}
	return f.memory.Add(ctx, it)
}

// All implements Store.
func (f *File) All(ctx context.Context) ([]Item, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.memory.All(ctx)
}

// Put implements Store.
func (f *File) Put(ctx context.Context, it Item) (Item, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := f.memory.find(it.ID)
	if i < 0 {
		return Item{}, ErrUnknown
	}
	stored := it
	if it.Order == 0 {
		stored.Order = f.memory.last + 1
	} else {
		stored.Order = f.memory.items[i].Order
	}
	if err := f.write(record{Put: &stored}); err != nil {
		return Item{}, err
	}
	f.dead++
	return f.memory.Put(ctx, it)
}

// Remove implements Store.
func (f *File) Remove(ctx context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.memory.find(id) < 0 {
		return f.broken
	}
	if err := f.write(record{Remove: id}); err != nil {
		return err
	}
	f.dead += 2
	if err := f.memory.Remove(ctx, id); err != nil {
		return err
	}
	if f.dead < compactAfter {
		return nil
	}
	// What was asked for is done; a journal that stays long is no failure.
	if err := f.compact(); err != nil {
		f.dead = 0
	}
	return nil
}

// write appends one line and syncs it. After a failure the file is cut back to
// its good part; when even that fails nothing more is written.
func (f *File) write(r record) error {
	if f.broken != nil {
		return fmt.Errorf("write outbox: %w", f.broken)
	}
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write outbox: %w", err)
	}
	line = append(line, '\n')
	_, err = f.file.WriteAt(line, f.size)
	if err == nil {
		err = f.file.Sync()
	}
	if err == nil {
		f.size += int64(len(line))
		return nil
	}
	if cutErr := f.file.Truncate(f.size); cutErr != nil {
		f.broken = cutErr
	}
	return fmt.Errorf("write outbox: %w", err)
}

// read replays the journal into memory and cuts a torn last line off.
func (f *File) read() error {
	in := bufio.NewReader(f.file)
	for lines := 1; ; lines++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if len(line) == 0 {
				return nil
			}
			return f.file.Truncate(f.size) // torn
		}
		if err != nil {
			return err
		}
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			if _, err := in.Peek(1); errors.Is(err, io.EOF) {
				return f.file.Truncate(f.size) // torn, with older bytes behind it
			}
			return fmt.Errorf("%w: line %d: %w", ErrCorrupt, lines, err)
		}
		f.replay(r)
		f.size += int64(len(line))
	}
}

func (f *File) replay(r record) {
	m := f.memory
	m.last = max(m.last, r.Last)
	id := r.Remove
	if r.Put != nil {
		id = r.Put.ID
		m.last = max(m.last, r.Put.Order)
	}
	i := m.find(id)
	if i >= 0 {
		f.dead++
	}
	switch {
	case r.Put == nil && i >= 0:
		f.dead++
		m.items = append(m.items[:i], m.items[i+1:]...)
	case r.Put == nil:
	case i >= 0 && m.items[i].Order == r.Put.Order:
		m.items[i] = *r.Put
	case i >= 0: // moved behind all others
		m.items = append(append(m.items[:i], m.items[i+1:]...), *r.Put)
	default:
		m.items = append(m.items, *r.Put)
	}
}

// compact writes what is alive into a new file and puts it in the old one's
// place in one step. A crash leaves one or the other.
func (f *File) compact() error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	if err := enc.Encode(record{Last: f.memory.last}); err != nil {
		return err
	}
	for i := range f.memory.items {
		if err := enc.Encode(record{Put: &f.memory.items[i]}); err != nil {
			return err
		}
	}
	next, err := os.OpenFile(f.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := f.replace(next, buf.Bytes()); err != nil {
		return errors.Join(err, next.Close(), os.Remove(next.Name()))
	}
	old := f.file
	f.file, f.size, f.dead = next, int64(buf.Len()), 0
	if err := old.Close(); err != nil {
		return err
	}
	return syncDir(f.path)
}

func (f *File) replace(next *os.File, content []byte) error {
	if err := lockFile(next); err != nil {
		return err
	}
	if _, err := next.Write(content); err != nil {
		return err
	}
	if err := next.Sync(); err != nil {
		return err
	}
	return os.Rename(next.Name(), f.path)
}

// syncDir makes the directory entry of a new file durable. Windows has no such
// call and keeps its directories in order by itself.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	err = dir.Sync()
	return errors.Join(err, dir.Close())
}
