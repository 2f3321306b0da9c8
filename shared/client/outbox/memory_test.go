package outbox_test

import (
	"testing"

	"parley/shared/client/outbox"
	"parley/shared/client/outbox/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) outbox.Store { return outbox.NewMemory() })
}
