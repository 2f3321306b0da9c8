package main

import (
	"log/slog"
	"net/http"
	"net/http/pprof"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"parley/server"
	"parley/server/httpd"
	"parley/shared/chat"
	"parley/shared/engineio"
	"parley/shared/event"
)

// internals is the handler of the internal address: metrics for Prometheus under
// /metrics, the health checks, and if wanted profiles under /debug/pprof/. None of
// it is for the public: profiles tell about memory, and taking one costs.
func internals(m *metrics, health *httpd.Health, profiles bool, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}))
	if profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return httpd.New(httpd.Config{Site: mux, Health: health, Log: log})
}

// metrics counts what the server does, under the names that dashboards for
// Socket.IO servers already use.
type metrics struct {
	registry    *prometheus.Registry
	connects    prometheus.Counter
	disconnects *prometheus.CounterVec
	received    *prometheus.CounterVec
	sent        *prometheus.CounterVec
	faults      prometheus.Counter
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	counters := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	m := &metrics{
		registry:    prometheus.NewRegistry(),
		connects:    counter("socket_io_connect_total", "Sockets that came into the chat."),
		disconnects: counters("socket_io_disconnect_total", "Sockets that left the chat.", "reason"),
		received:    counters("socket_io_events_received_total", "Events from clients.", "event"),
		sent:        counters("socket_io_events_sent_total", "Events to clients, one for each receiver.", "event"),
		faults:      counter("socket_io_faults_total", "Failures that had nobody to be returned to."),
	}
	m.registry.MustRegister(m.connects, m.disconnects, m.received, m.sent, m.faults,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// watch counts what happens on the server.
func (m *metrics) watch(srv *server.Server) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: "socket_io_connected", Help: "Connections that are open."},
		func() float64 { return float64(srv.Connections()) }))
	ns := srv.Of(chat.NS)
	ns.OnConnect(func(*server.Socket) { m.connects.Inc() })
	ns.OnDisconnect(func(_ *server.Socket, reason engineio.Reason, _ error) {
		m.disconnects.WithLabelValues(string(reason)).Inc()
	})
	ns.OnAny(func(_ *server.Socket, name string, _ event.Args) { m.received.WithLabelValues(known(name)).Inc() })
	ns.OnAnyOutgoing(func(_ *server.Socket, name string, _ event.Args) { m.sent.WithLabelValues(known(name)).Inc() })
}

// known is the name of an event of the contract, or "other": a client may send
// any name, and each would be a time series for ever.
func known(name string) string {
	names := []string{
		chat.ListRooms.Name(), chat.CreateRoom.Name(), chat.Join.Name(), chat.Leave.Name(), chat.Page.Name(), chat.Send.Name(),
		chat.Typing.Name(), chat.Hello.Name(), chat.RoomAdded.Name(), chat.Posted.Name(), chat.Joined.Name(), chat.Left.Name(),
	}
	if slices.Contains(names, name) {
		return name
	}
	return "other"
}
