package main

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server/interop/browsertest"
)

// What a person waits for, measured in Chromium on this machine: `make
// bench-browser` prints the middle of several rounds and fails when that is more
// than it may be. What the page works is counted in processor time, which other
// programs on the machine change least; the rest is time as a person feels it.

// The budgets, in milliseconds.
const (
	budgetCold   = 2000.0 // a first visit, until one can write
	budgetWarm   = 1000.0 // a later one, without a network
	budgetAppend = 10.0   // the page's work for one message, in a room of which 3,000 are held
	budgetOlder  = 60.0   // the page's work for 50 messages above those on screen
	budgetTask   = 100.0  // the longest task, and wait of a key, while 100 messages a second arrive
)

// report prints the middle of some measurements and returns it.
func report(b *testing.B, unit string, took []float64) float64 {
	b.Helper()
	slices.Sort(took)
	middle := took[len(took)/2]
	b.ReportMetric(0, "ns/op") // says nothing: it counts the preparations
	b.ReportMetric(middle, unit)
	return middle
}

// within reports the middle of some measurements and judges it.
func within(b *testing.B, unit string, budget float64, took []float64) {
	b.Helper()
	if middle := report(b, unit, took); middle > budget {
		b.Errorf("%.1f %s in the middle of %d rounds, budget %.0f; all: %.1f", middle, unit, len(took), budget, took)
	}
}

// interactive loads the page and returns the milliseconds from the start of the
// navigation until one can write.
func interactive(b *testing.B, tab *browsertest.Tab, url string) float64 {
	b.Helper()
	tab.Go(b, url)
	return browsertest.Eval[float64](b, tab, `new Promise((resolve) => {
		const look = () => document.querySelector("#composer, #name") ? resolve(performance.now()) : setTimeout(look, 5);
		look();
	})`)
}

// BenchmarkColdStart is a first visit: nothing is cached.
func BenchmarkColdStart(b *testing.B) {
	server := browsertest.Serve(b)
	var took []float64
	for b.Loop() {
		chromium := browsertest.Chromium(b)
		took = append(took, interactive(b, chromium.New(b), server.URL+"/room/lobby"))
		chromium.Close()
	}
	within(b, "ms-to-interactive", budgetCold, took)
}

// BenchmarkWarmStart is a visit without a network, from the service worker.
func BenchmarkWarmStart(b *testing.B) {
	server := browsertest.Serve(b)
	tab := browsertest.Chromium(b).Open(b, server.URL+"/room/lobby")
	tab.Wait(b, `(await navigator.serviceWorker.getRegistration())?.active?.state === "activated"`)
	server.Kill(b)
	var took []float64
	for b.Loop() {
		took = append(took, interactive(b, tab, server.URL+"/room/lobby"))
	}
	within(b, "ms-to-interactive", budgetWarm, took)
}

// BenchmarkRoom is what happens in a room with many messages.
func BenchmarkRoom(b *testing.B) {
	ann, server := reader(b)
	bob := writer(b, server, "Bob")

	// Older loads history above what is read.
	b.Run("Older", func(b *testing.B) {
		var took []float64
		for b.Loop() {
			took = append(took, ann.older(b))
		}
		within(b, "ms-busy", budgetOlder, took)
	})

	// Theirs is a message of somebody else.
	n := 0
	b.Run("Theirs", func(b *testing.B) {
		ann.holdAll(b)
		var took []float64
		for b.Loop() {
			n++
			took = append(took, ann.hears(b, bob, fmt.Sprint("one more ", n)))
		}
		within(b, "ms-busy", budgetAppend, took)
	})

	// Own is a message of this page, until its row is laid out.
	b.Run("Own", func(b *testing.B) {
		ann.holdAll(b)
		var took, waited []float64
		for b.Loop() {
			n++
			text := fmt.Sprint("mine ", n)
			ann.does(b, `await pause(300); return true`)
			took = append(took, ann.busy(b, func() { waited = append(waited, ann.shows(b, text)) }))
			ann.sees(b, text)
		}
		within(b, "ms-busy", budgetAppend, took)
		report(b, "ms-to-row", waited) // go-app draws 8 ms after the first event
	})

	// Burst is ten seconds of 100 messages a second, while somebody writes.
	b.Run("Burst", func(b *testing.B) {
		ann.holdAll(b)
		var tasks, delays []float64
		for b.Loop() {
			task, delay := burst(b, ann, server)
			tasks, delays = append(tasks, task), append(delays, delay)
		}
		within(b, "ms-longest-task", budgetTask, tasks)
		within(b, "ms-worst-input", budgetTask, delays)
	})
	ann.sound(b)
}

// burst lets 20 people write five messages a second each for ten seconds, and
// types meanwhile. It returns the longest task of the page and the longest time a
// key had to wait until the page heard of it, in milliseconds. Browsers count
// tasks from 50 ms on; with none the longest is 0.
func burst(b *testing.B, p person, server *browsertest.Server) (task, delay float64) {
	b.Helper()
	const people, rounds = 20, 50
	typed := ""
	p.does(b, `globalThis.tasks = []; globalThis.delays = [];
		globalThis.observer ??= new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => e.duration)));
		observer.observe({ type: "longtask" });
		globalThis.heard ??= addEventListener("keydown", (e) => delays.push(performance.now() - e.timeStamp), true) ?? true;
		document.querySelector("#composer").focus();
		return true`)
	var writers sync.WaitGroup
	for who := range people {
		write := writer(b, server, fmt.Sprintf("Guest %02d", who))
		writers.Go(func() {
			tick := time.NewTicker(time.Second / 5)
			defer tick.Stop()
			for i := range rounds {
				<-tick.C
				if err := write(fmt.Sprintf("guest %d says %d", who, i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for writing := true; writing; {
		select {
		case <-done:
			writing = false
		case <-time.After(time.Second / 5):
			p.Press(b, "x")
			typed += "x"
		}
	}
	result := browsertest.Eval[struct {
		Task, Delay float64
		Value       string
	}](b, p.Tab, `(async () => {
		await until(atEnd);
		await pause(300);
		observer.disconnect();
		const composer = document.querySelector("#composer"), value = composer.value;
		composer.value = "";
		composer.dispatchEvent(new Event("input", { bubbles: true }));
		return { Task: Math.max(0, ...tasks), Delay: Math.max(...delays), Value: value };
	})()`)
	require.Equal(b, typed, result.Value, "every key is heard")
	return result.Task, result.Delay
}
