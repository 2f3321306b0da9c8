package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// Report is the outcome of a run.
type Report struct {
	Config    Summary `json:"config"`
	Connected int     `json:"connected"` // users who came in
	Seconds   float64 `json:"seconds"`   // of sending, with the wait for the last answer

	Sent     int64 `json:"sent"`     // messages that were due and sent
	Skipped  int64 `json:"skipped"`  // due but not sent, because too many were unanswered
	Answered int64 `json:"answered"` // acknowledged as stored

	Due       int64 `json:"due"`       // deliveries that the answered messages make
	Delivered int64 `json:"delivered"` // that arrived, each counted once
	Lost      int64 `json:"lost"`      // that did not arrive in time
	Repeated  int64 `json:"repeated"`  // that arrived again, or at their sender

	DeliveredPerSecond float64 `json:"deliveredPerSecond"`

	Drops      int64            `json:"drops"`      // connections lost
	Reconnects int64            `json:"reconnects"` // and made again
	Failures   map[string]int64 `json:"failures"`   // calls and connects that failed, by the code of the error

	Connect  Latency `json:"connect"`  // from the attempt to the server's consent
	Answer   Latency `json:"answer"`   // from the moment a message was due to its acknowledgement
	Delivery Latency `json:"delivery"` // from the moment a message was due to its arrival at another user

	Server *Usage `json:"server,omitempty"` // when the server is on this machine and known
}

// Summary is what the load was.
type Summary struct {
	URL         string  `json:"url"`
	Connections int     `json:"connections"`
	Rooms       int     `json:"rooms"`
	RoomsEach   int     `json:"roomsEach"`
	Rate        float64 `json:"rate"`
	Payload     int     `json:"payload"`
	Ramp        float64 `json:"ramp"`
	Seconds     float64 `json:"seconds"`
}

func summary(c Config) Summary {
	return Summary{c.URL, c.Connections, c.Rooms, c.RoomsEach, c.Rate, c.Payload, c.Ramp, c.Duration.Seconds()}
}

// Usage is what the server's process has spent.
type Usage struct {
	PID              int     `json:"pid"`
	RSSIdle          int64   `json:"rssIdleBytes"`      // before the first connection of the run
	RSSConnected     int64   `json:"rssConnectedBytes"` // with all users in their rooms, before the first message
	RSSEnd           int64   `json:"rssEndBytes"`
	RSSPeak          int64   `json:"rssPeakBytes"` // of the process's whole life
	PerConnection    int64   `json:"bytesPerConnection"`
	CPURamp          float64 `json:"cpuRampSeconds"`
	CPUSending       float64 `json:"cpuSendingSeconds"`
	CPUPerDelivery   float64 `json:"cpuMicrosPerDelivery"`
	CPUPerConnection float64 `json:"cpuMicrosPerConnect"`
}

// Faulty reports whether the server broke a promise: an answered message is missing or came twice.
func (r *Report) Faulty() bool { return r.Lost > 0 || r.Repeated > 0 }

// Write writes the report for people.
func (r *Report) Write(w io.Writer) error {
	p := &printer{w: w}
	p.line("load        %d connections, %d rooms (%d each), %.4g messages/s of %d characters for %.3g s",
		r.Config.Connections, r.Config.Rooms, r.Config.RoomsEach, r.Config.Rate, r.Config.Payload, r.Config.Seconds)
	p.line("users       %d connected, %d drops, %d reconnects", r.Connected, r.Drops, r.Reconnects)
	p.line("messages    %d sent, %d answered, %d skipped", r.Sent, r.Answered, r.Skipped)
	p.line("deliveries  %d of %d, %d lost, %d repeated, %.0f/s", r.Delivered, r.Due, r.Lost, r.Repeated, r.DeliveredPerSecond)
	for _, kind := range slices.Sorted(maps.Keys(r.Failures)) {
		p.line("failed      %d %s", r.Failures[kind], kind)
	}
	p.line("")
	p.line("latency ms  %9s %9s %9s %9s %9s %9s", "mean", "p50", "p90", "p99", "p99.9", "max")
	for _, row := range []struct {
		name string
		l    Latency
	}{{"connect", r.Connect}, {"answer", r.Answer}, {"delivery", r.Delivery}} {
		p.line("%-11s %9.2f %9.2f %9.2f %9.2f %9.2f %9.2f", row.name, row.l.Mean, row.l.P50, row.l.P90, row.l.P99, row.l.P999, row.l.Max)
	}
	if u := r.Server; u != nil {
		p.line("")
		p.line("server %d", u.PID)
		p.line("memory      %s idle, %s connected (%s each), %s at the end, %s peak",
			size(u.RSSIdle), size(u.RSSConnected), size(u.PerConnection), size(u.RSSEnd), size(u.RSSPeak))
		p.line("processor   %.2f s connecting (%.0f us each), %.2f s sending (%.2f us a delivery)",
			u.CPURamp, u.CPUPerConnection, u.CPUSending, u.CPUPerDelivery)
	}
	return p.err
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func size(bytes int64) string {
	switch {
	case bytes >= 1<<20 || bytes <= -1<<20:
		return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20))
	default:
		return fmt.Sprintf("%.1f KB", float64(bytes)/(1<<10))
	}
}

// sample is a process at one moment.
type sample struct {
	RSS, Peak int64 // bytes
	CPU       time.Duration
}

// usage compares the server before the ramp, after it and at the end. A nil process has none.
func (p *process) usage(idle, ready, done sample, connections int, deliveries int64) *Usage {
	if p == nil {
		return nil
	}
	u := &Usage{
		PID: p.pid, RSSIdle: idle.RSS, RSSConnected: ready.RSS, RSSEnd: done.RSS, RSSPeak: done.Peak,
		PerConnection: (ready.RSS - idle.RSS) / int64(max(1, connections)),
		CPURamp:       (ready.CPU - idle.CPU).Seconds(), CPUSending: (done.CPU - ready.CPU).Seconds(),
	}
	u.CPUPerConnection = u.CPURamp * 1e6 / float64(max(1, connections))
	u.CPUPerDelivery = u.CPUSending * 1e6 / float64(max(1, deliveries))
	return u
}
