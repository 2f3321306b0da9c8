package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"parley/cmd/parley/internal/talk"
	"parley/shared/chat"
	"parley/shared/client"
	"parley/shared/client/outbox"
)

type chatCommand struct {
	URL     string        `help:"Address of the server." default:"http://localhost:3000"`
	Name    string        `help:"Your name, as others see it." default:"${user}"`
	Room    string        `help:"Room to begin in." default:"lobby"`
	History int           `help:"How many older messages to show, at most 50." default:"20"`
	Data    string        `help:"Folder for your identities and unsent messages. Default: parley in your configuration folder." placeholder:"DIR" type:"path"`
	Forget  bool          `help:"Keep nothing: be somebody new, and lose at the end what could not be sent."`
	Drain   time.Duration `help:"How long the end of the input waits for unsent messages." default:"30s"`
	Follow  bool          `help:"Stay after the end of the input, to go on reading."`
	Plain   bool          `help:"Lines only, as for a pipe, also in a terminal."`
	NoColor bool          `help:"No colours." env:"NO_COLOR"`
}

// Help is shown by --help.
func (chatCommand) Help() string {
	return "What you type is sent; /help lists the commands. In a terminal Tab completes names, rooms and commands. " +
		"Messages that cannot be sent are kept and sent as soon as there is a connection, also by the next run with " +
		"the same name. Your identity on a server is a secret in the data folder, one for each server and name."
}

// Run chats until the input or ctx ends.
func (c *chatCommand) Run(ctx context.Context, std streams) error {
	if err := (chat.Credentials{Name: c.Name}).Validate(); err != nil {
		return fmt.Errorf("%w: --name must be 1 to %d characters on one line", errUsage, chat.MaxName)
	}
	room := chat.RoomID(strings.TrimPrefix(c.Room, "#"))
	if err := room.Validate(); err != nil {
		return fmt.Errorf("%w: --room must be the id of a room: a-z, 0-9 and -", errUsage)
	}
	who, err := c.identity()
	if err != nil {
		return err
	}
	defer who.close()

	screen, restore, err := c.screen(ctx, std)
	if err != nil {
		return err
	}
	defer restore()
	if who.note != "" {
		screen.Print("! " + who.note)
	}
	session, err := talk.New(talk.Config{
		URL: c.URL, Name: c.Name, Token: who.token, Room: room, Store: who.store,
		History: min(max(c.History, 0), chat.NewestPage), Drain: c.Drain, Follow: c.Follow,
		Client: client.Config{Logger: slog.New(slog.DiscardHandler)}, // it would write into the conversation
	}, screen)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	err = session.Run(ctx)
	if errors.Is(err, talk.ErrUnsent) && who.keeps {
		return fmt.Errorf("%w; they are kept and will be sent when you come back with the same name", err)
	}
	return err
}

// screen is a line editor where the input is a terminal, else plain lines. restore gives the terminal back.
func (c *chatCommand) screen(ctx context.Context, std streams) (s talk.Screen, restore func(), err error) {
	in, inOK := std.in.(*os.File)
	out, outOK := std.out.(*os.File)
	if c.Plain || !inOK || !outOK || !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return talk.NewPipe(std.in, std.out), func() {}, nil
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, nil, fmt.Errorf("prepare the terminal: %w", err)
	}
	t := talk.NewTerminal(readWriter{in, out}, 80, !c.NoColor && os.Getenv("TERM") != "dumb")
	stop := followSize(ctx, int(out.Fd()), t)
	return t, func() {
		stop()
		_ = term.Restore(int(in.Fd()), before) // nothing could be done about it
		fmt.Fprintln(std.out)
	}, nil
}

// readWriter is the two ends of a terminal as one.
type readWriter struct {
	io.Reader
	io.Writer
}

// identity is who the user is on a server, and what is left to send.
type identity struct {
	token string
	store outbox.Store
	keeps bool // the store outlives the program
	note  string
	close func()
}

// identity reads what earlier runs have kept for this server and name, or makes it.
func (c *chatCommand) identity() (identity, error) {
	who := identity{token: rand.Text(), store: outbox.NewMemory(), close: func() {}}
	if c.Forget {
		return who, nil
	}
	dir := c.Data
	if dir == "" {
		base, err := os.UserConfigDir()
		if err != nil {
			who.note = "nothing is kept: " + err.Error()
			return who, nil
		}
		dir = filepath.Join(base, "parley")
	}
	dir = filepath.Join(dir, identityName(c.URL, c.Name))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return who, fmt.Errorf("keep your identity: %w", err)
	}
	token, err := keptToken(filepath.Join(dir, "token"), who.token)
	if err != nil {
		return who, fmt.Errorf("keep your identity: %w", err)
	}
	who.token = token
	switch box, err := outbox.OpenFile(filepath.Join(dir, "outbox.jsonl")); {
	case errors.Is(err, outbox.ErrLocked):
		who.note = "you chat under this name in another terminal too: what this one cannot send is lost at its end"
	case err != nil:
		return who, err
	default:
		who.store, who.keeps, who.close = box, true, func() { _ = box.Close() } // all is on the disk already
	}
	return who, nil
}

// keptToken returns the token in a file, which it makes when it is missing.
func keptToken(path, fresh string) (string, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		kept, err := os.ReadFile(path)
		token := strings.TrimSpace(string(kept))
		if err == nil && len(token) < chat.MinToken {
			err = fmt.Errorf("%s holds no token; remove it to begin anew", path)
		}
		return token, err
	} else if err != nil {
		return "", err
	}
	_, err = f.WriteString(fresh + "\n")
	return fresh, errors.Join(err, f.Close())
}

// identityName is a folder for a server and a name: a secret must not reach another server, and two names are two
// people.
func identityName(address, name string) string {
	host := address
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		host = u.Host
	}
	name = chat.CleanLine(name)
	sum := sha256.Sum256([]byte(host + "\x00" + name))
	readable := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, host+"_"+name)
	return readable[:min(len(readable), 80)] + "_" + hex.EncodeToString(sum[:6])
}
