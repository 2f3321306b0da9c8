package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	service "parley/server/chat"
	"parley/server/chat/sqlite"
	"parley/server/chat/storetest"
	"parley/shared/chat"
)

// The store lives on a disk of 4 MB in a mount namespace of a child process, which needs no privileges where user
// namespaces are allowed and root elsewhere.
func TestAFullDiskFailsWritesOnlyAndOnlyWhileItIsFull(t *testing.T) {
	cmd := childCommand(t, "fill the disk", t.TempDir(), "")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.Output()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", bytes.TrimSpace(out))
}

func fillTheDisk(dir string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		return fmt.Errorf("mount a small disk: %w", err)
	}
	ctx := context.Background()
	store, err := sqlite.Open(ctx, filepath.Join(dir, "chat.db"))
	if err != nil {
		return err
	}
	defer store.Close()
	chats, err := service.Open(ctx, service.Config{Store: store, Publisher: silent{}})
	if err != nil {
		return err
	}
	var answered []chat.Message
	for range 5 {
		if answered, err = fillOnce(ctx, chats, dir, answered); err != nil {
			return err
		}
		messages, err := store.Messages(ctx, service.Range{Room: "lobby", Limit: 1 << 20})
		if err != nil {
			return err
		}
		if err := storetest.CheckLog(messages); err != nil {
			return err
		}
		for i, m := range answered {
			if messages[i] != m {
				return fmt.Errorf("message %d was answered as %v and is stored as %v", i+1, m, messages[i])
			}
		}
	}
	fmt.Println(len(answered), "messages stored over 5 full disks")
	return nil
}

// fillOnce leaves a little room on the disk, posts until it is full, sees that reading works and writing says why it
// does not, then makes room and posts the refused draft again.
func fillOnce(ctx context.Context, chats *service.Service, dir string, answered []chat.Message) ([]chat.Message, error) {
	ballast := filepath.Join(dir, "ballast")
	if err := fillFile(ballast, 600<<10); err != nil {
		return nil, err
	}
	ann := chat.Member{ID: "00000000000000aa", Name: "Ann"}
	text := strings.Repeat("x", chat.MaxText)
	var refused chat.Draft
	for refused.ID == "" {
		d := chat.Draft{ID: uuid.NewString(), Room: "lobby", Text: text}
		switch m, err := chats.Post(ctx, ann, "", d); {
		case err == nil:
			answered = append(answered, m)
		case unavailable(err):
			refused = d
		default:
			return nil, fmt.Errorf("post on a full disk: %w", err)
		}
	}
	// The few pages of a check may still fit where a message did not.
	if err := chats.Check(ctx); err != nil && !errors.Is(err, service.ErrUnavailable) {
		return nil, fmt.Errorf("check on a full disk: %w", err)
	}
	h, err := chats.Page(ctx, chat.PageRequest{Room: "lobby"})
	if err != nil {
		return nil, fmt.Errorf("page on a full disk: %w", err)
	}
	if got, want := h.Room.LastSeq, int64(len(answered)); got != want {
		return nil, fmt.Errorf("the room's last number is %d, want %d", got, want)
	}
	if err := os.Remove(ballast); err != nil {
		return nil, err
	}
	m, err := chats.Post(ctx, ann, "", refused)
	if err != nil {
		return nil, fmt.Errorf("post after there is space: %w", err)
	}
	return append(answered, m), chats.Check(ctx)
}

// fillFile writes a file until less than spare bytes are free.
func fillFile(path string, spare int64) error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &fs); err != nil {
		return err
	}
	free := int64(fs.Bavail)*fs.Bsize - spare
	if free <= 0 {
		return fmt.Errorf("only %d bytes are free", int64(fs.Bavail)*fs.Bsize)
	}
	return os.WriteFile(path, make([]byte, free), 0o600)
}
