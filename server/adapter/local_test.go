package adapter_test

import (
	"testing"

	"go.uber.org/goleak"

	"parley/server/adapter"
	"parley/server/adapter/adaptertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Rows: R01 R02 R04 R06 R07 R09 M08 M10 M11 M17 K01 K03 K04 K05 K09 K11 K12 K14
func TestLocal(t *testing.T) {
	adaptertest.Run(t, adaptertest.Suite{Cluster: func(_ *testing.T, cfg adaptertest.Config) adaptertest.Open {
		return func(sink adapter.Sink) adapter.Adapter {
			return adapter.NewLocal(sink, adapter.LocalConfig{Recovery: cfg.Recovery, LogBytes: cfg.LogBytes})
		}
	}})
}
