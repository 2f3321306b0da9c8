package adaptertest_test

import (
	"testing"

	"go.uber.org/goleak"

	"parley/server/adapter/adaptertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Rows: M17 M18 M19 M23 R06 R07
func TestBus(t *testing.T) {
	adaptertest.Run(t, adaptertest.Suite{
		Servers: 3,
		Cluster: func(_ *testing.T, cfg adaptertest.Config) adaptertest.Open { return adaptertest.NewBus(cfg).Open },
	})
}
