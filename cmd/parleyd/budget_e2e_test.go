package main

import (
	"fmt"
	"testing"

	"parley/server/interop/browsertest"
)

// What a person waits for, measured in Chromium on this machine: `make
// bench-browser` prints it and names the budgets.

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
	var total float64
	for b.Loop() {
		b.StopTimer()
		chromium := browsertest.Chromium(b)
		tab := chromium.New(b)
		b.StartTimer()
		total += interactive(b, tab, server.URL+"/room/lobby")
		b.StopTimer()
		chromium.Close()
		b.StartTimer()
	}
	b.ReportMetric(total/float64(b.N), "ms-to-interactive")
}

// BenchmarkWarmStart is a visit without a network, from the service worker.
func BenchmarkWarmStart(b *testing.B) {
	server := browsertest.Serve(b)
	tab := browsertest.Chromium(b).Open(b, server.URL+"/room/lobby")
	tab.Wait(b, `(await navigator.serviceWorker.getRegistration())?.active?.state === "activated"`)
	server.Kill(b)
	var total float64
	for b.Loop() {
		total += interactive(b, tab, server.URL+"/room/lobby")
	}
	b.ReportMetric(total/float64(b.N), "ms-to-interactive")
}

// BenchmarkAppend writes messages into a room that holds many, and measures from
// the key to the painted row.
func BenchmarkAppend(b *testing.B) {
	server := browsertest.Serve(b)
	tab := browsertest.Chromium(b).Open(b, server.URL+"/room/lobby")
	tab.Type(b, nameField, "Ann")
	tab.Press(b, "\r")
	tab.Wait(b, online)
	server.Kill(b) // what is written stays, and nothing else happens meanwhile
	tab.Wait(b, `!`+online)
	n := 0
	var total float64
	for b.Loop() {
		n++
		total += browsertest.Eval[float64](b, tab, fmt.Sprintf(`new Promise((resolve) => {
			const composer = document.querySelector("#composer");
			composer.value = "message %d";
			const began = performance.now();
			composer.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
			const look = () => [...document.querySelectorAll("#pending .msg-text")].some((e) => e.innerText === "message %d")
				? resolve(performance.now() - began) : setTimeout(look, 0);
			look();
		})`, n, n))
	}
	b.ReportMetric(total/float64(b.N), "ms-to-row")
}
