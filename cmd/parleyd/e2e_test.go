package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"parley/server/interop/browsertest"
)

// What the tests look for on the page.
const (
	composer  = "#composer"
	nameField = "#name"
	online    = `document.querySelector(".conn-ok")`
	// sent are the texts of the messages that the server has stored; pending are
	// those it has not.
	sent    = "#log .chunk .msg-text"
	pending = "#pending .msg-text"
)

// person is somebody with the chat open.
type person struct{ *browsertest.Tab }

// join opens a room as somebody new and waits until the chat is connected.
func join(t testing.TB, b *browsertest.Browser, url, name string) person {
	t.Helper()
	p := person{b.Open(t, url)}
	p.Type(t, nameField, name)
	p.Press(t, kb.Enter)
	p.Wait(t, online)
	p.ready(t)
	return p
}

// ready waits until one can write.
func (p person) ready(t testing.TB) {
	t.Helper()
	p.Wait(t, `document.querySelector("#composer")?.disabled === false`)
}

func (p person) write(t testing.TB, text string) {
	t.Helper()
	p.Type(t, composer, text)
	p.Press(t, kb.Enter)
}

// sees waits until a stored message with the text is on the page.
func (p person) sees(t testing.TB, text string) {
	t.Helper()
	p.Wait(t, fmt.Sprintf(`[...document.querySelectorAll(%q)].some((e) => e.innerText.trim() === %q)`, sent, text))
}

// queued waits until exactly these messages wait to be sent, in this order. Each
// says so itself: then it is on the disk.
func (p person) queued(t *testing.T, texts ...string) {
	t.Helper()
	p.Wait(t, fmt.Sprintf(`[...document.querySelectorAll(%q)].map((e) => e.innerText.trim()).join("|") === %q &&
		document.querySelectorAll("#pending .is-queued").length === %d`, pending, strings.Join(texts, "|"), len(texts)))
}

// stored are the texts of the stored messages on the page.
func (p person) stored(t *testing.T) []string {
	t.Helper()
	texts := p.Texts(t, sent)
	for i := range texts {
		texts[i] = strings.TrimSpace(texts[i])
	}
	return texts
}

// installed waits until the service worker has everything it needs.
func (p person) installed(t *testing.T) {
	t.Helper()
	p.Wait(t, `(await navigator.serviceWorker.getRegistration())?.active?.state === "activated" &&
		(await caches.keys()).some((name) => name.startsWith("parley-"))`)
}

func (p person) sound(t testing.TB) {
	t.Helper()
	require.Empty(t, p.Problems(), "uncaught exceptions and breaches of the page's policy")
}

func TestTwoBrowsersChat(t *testing.T) {
	server := browsertest.Serve(t)
	ann := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Ann")
	bob := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Bob")
	ann.write(t, "hello Bob")
	bob.sees(t, "hello Bob")
	bob.write(t, "hello <b>Ann</b>")
	ann.sees(t, "hello <b>Ann</b>")
	bob.WaitText(t, ".msg-name", "Ann")
	require.Empty(t, browsertest.Eval[string](t, ann.Tab, `document.querySelector("#composer").value`))
	require.Equal(t, []string{"hello Bob", "hello <b>Ann</b>"}, ann.stored(t))
	require.Equal(t, ann.stored(t), bob.stored(t))
	ann.sound(t)
	bob.sound(t)
}

func TestPageIsInstallable(t *testing.T) {
	server := browsertest.Serve(t)
	ann := join(t, browsertest.Chromium(t), server.URL, "Ann")
	ann.installed(t)
	require.Empty(t, ann.InstallabilityErrors(t))
	ann.sound(t)
}

// Rows: D12
func TestOfflineFromTheFirstVisit(t *testing.T) {
	server := browsertest.Serve(t)
	profile := t.TempDir()
	chromium := browsertest.ChromiumIn(t, profile)
	ann := join(t, chromium, server.URL+"/room/lobby", "Ann")
	bob := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Bob")
	bob.write(t, "before the cut")
	ann.sees(t, "before the cut")
	ann.installed(t)
	server.Kill(t)

	// A deep link opens without a server, with what was there.
	ann.Go(t, server.URL+"/room/lobby?source=link")
	ann.sees(t, "before the cut")
	ann.ready(t)
	ann.write(t, "one")
	ann.write(t, "two")
	ann.queued(t, "one", "two")

	// What waits survives the tab and the browser.
	chromium.Close()
	chromium = browsertest.ChromiumIn(t, profile)
	ann = person{chromium.Open(t, server.URL+"/room/lobby")}
	ann.sees(t, "before the cut")
	ann.queued(t, "one", "two")
	ann.write(t, "three")
	ann.queued(t, "one", "two", "three")

	server.Start(t)
	for _, text := range []string{"one", "two", "three"} {
		bob.sees(t, text)
		ann.sees(t, text)
	}
	ann.queued(t)
	want := []string{"before the cut", "one", "two", "three"}
	require.Equal(t, want, bob.stored(t), "once each, in order")
	require.Equal(t, want, ann.stored(t))
	bob.Reload(t)
	bob.sees(t, "three")
	require.Equal(t, want, bob.stored(t), "and so in the server's store")
	ann.sound(t)
}

func TestServerKilledUnderChat(t *testing.T) {
	server := browsertest.Serve(t)
	ann := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Ann")
	bob := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Bob")
	var want []string
	for round := range 3 {
		for i := range 4 {
			text := fmt.Sprintf("round %d message %d", round, i)
			want = append(want, text)
			ann.write(t, text)
			if i == 1 {
				server.Kill(t)
			}
		}
		server.Start(t)
		for _, text := range want {
			bob.sees(t, text)
			ann.sees(t, text)
		}
	}
	require.Equal(t, want, ann.stored(t))
	require.Equal(t, want, bob.stored(t))
	ann.sound(t)
	bob.sound(t)
}

func TestStopIsOrderly(t *testing.T) {
	server := browsertest.Serve(t)
	ann := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Ann")
	ann.write(t, "before the restart")
	ann.sees(t, "before the restart")
	require.Zero(t, server.Stop(t), "SIGTERM ends the server in order")
	ann.Wait(t, `!`+online)
	server.Start(t)
	ann.Wait(t, online)
	ann.write(t, "after the restart")
	ann.sees(t, "after the restart")
	require.Equal(t, []string{"before the restart", "after the restart"}, ann.stored(t))
}

// Rows: D12
func TestTabsShareOneOutbox(t *testing.T) {
	server := browsertest.Serve(t)
	chromium := browsertest.Chromium(t)
	first := join(t, chromium, server.URL+"/room/lobby", "Ann")
	bob := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Bob")
	second := person{chromium.Open(t, server.URL+"/room/lobby")}
	second.Wait(t, online)
	server.Kill(t)
	first.Wait(t, `!`+online)

	var want []string
	for i := range 10 {
		text := fmt.Sprint("message ", i)
		want = append(want, text)
		if i%2 == 0 {
			first.write(t, text)
		} else {
			second.write(t, text)
		}
		// Each tab sees what the other one wrote.
		first.queued(t, want...)
		second.queued(t, want...)
	}
	server.Start(t)
	for _, p := range []person{bob, first, second} {
		p.sees(t, want[len(want)-1])
		p.queued(t)
		got := p.stored(t)
		require.ElementsMatch(t, want, got, "each once")
		require.True(t, slices.IsSorted(got), "in order: %v", got)
	}
}

// Rows: D12
func TestTabKilledDuringTheFlush(t *testing.T) {
	server := browsertest.Serve(t)
	chromium := browsertest.Chromium(t)
	first := join(t, chromium, server.URL+"/room/lobby", "Ann")
	second := person{chromium.Open(t, server.URL+"/room/lobby")}
	second.Wait(t, online)
	server.Kill(t)
	first.Wait(t, `!`+online)

	// Half of them are written in each tab, which take turns of ten.
	const messages = 200
	var want []string
	for i := 0; i < messages; i += 10 {
		p := first
		if i%20 == 10 {
			p = second
		}
		var batch []string
		for j := range 10 {
			batch = append(batch, fmt.Sprintf("message %03d", i+j))
		}
		want = append(want, batch...)
		p.paste(t, batch)
		p.Wait(t, fmt.Sprintf(`document.querySelectorAll("#pending .is-queued").length === %d`, len(want)))
	}
	server.Start(t)
	second.Wait(t, fmt.Sprintf(`document.querySelectorAll("#pending .msg").length < %d`, messages-20))
	first.Crash(t)

	bob := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Bob")
	second.Wait(t, `document.querySelectorAll("#pending .msg").length === 0`)
	second.sees(t, want[messages-1])
	require.Equal(t, want, history(t, bob), "each once, in order")
}

// paste writes messages faster than a keyboard does.
func (p person) paste(t *testing.T, texts []string) {
	t.Helper()
	for _, text := range texts {
		browsertest.Eval[bool](t, p.Tab, fmt.Sprintf(`(() => {
			const composer = document.querySelector("#composer");
			composer.value = %q;
			composer.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
			return true;
		})()`, text))
	}
}

// history is the room's whole history as the server has it, asked for by a page
// that has nothing stored itself.
func history(t *testing.T, p person) []string {
	t.Helper()
	return browsertest.Eval[[]string](t, p.Tab, `(async () => {
		const room = "lobby";
		const socket = new WebSocket(location.origin.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket");
		const texts = [];
		let before = 0, ask = 0;
		const page = () => socket.send("42/chat," + (ask++) + JSON.stringify(["room:history", before ? { room, before, limit: 200 } : { room, limit: 200 }]));
		return new Promise((resolve, reject) => {
			socket.onerror = () => reject(new Error("no connection"));
			socket.onmessage = ({ data }) => {
				if (data.startsWith("0")) socket.send('40/chat,{"name":"Reader"}');
				else if (data.startsWith("40/chat")) page();
				else if (data === "2") socket.send("3");
				else if (data.startsWith("43/chat,")) {
					const { data: answer } = JSON.parse(data.slice(data.indexOf("[")))[0];
					texts.unshift(...answer.messages.map((m) => m.text));
					if (answer.messages.length === 0 || !answer.more) { socket.close(); resolve(texts); return; }
					before = answer.messages[0].seq;
					page();
				}
			};
		});
	})()`)
}

func TestSigningOutConcernsEveryTab(t *testing.T) {
	server := browsertest.Serve(t)
	chromium := browsertest.Chromium(t)
	first := join(t, chromium, server.URL+"/room/lobby", "Ann")
	second := person{chromium.Open(t, server.URL+"/room/lobby")}
	second.Wait(t, online)
	token := `JSON.parse(localStorage.getItem("parley.profile")).token`
	before := browsertest.Eval[string](t, first.Tab, token)
	first.Click(t, `[data-arg="settings"]`)
	first.Click(t, `[data-arg="sign-out"]`)
	first.Click(t, `button[data-act="sign-out"]`)
	for _, p := range []person{first, second} {
		p.WaitText(t, "#dialog-title", "Welcome")
	}
	require.NotEqual(t, before, browsertest.Eval[string](t, first.Tab, token))
	require.Equal(t, browsertest.Eval[string](t, first.Tab, token), browsertest.Eval[string](t, second.Tab, token))
}
