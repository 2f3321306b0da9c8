package main

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"parley/server/interop/browsertest"
)

func TestReadingHistoryKeepsItsPlace(t *testing.T) {
	server := browsertest.Serve(t)
	fill(t, server, 640)
	bob := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Bob")
	ann := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Ann")
	ann.sees(t, "message 640")
	browsertest.Eval[bool](t, ann.Tab, probes)
	ann.does(t, `return until(atEnd)`)

	// Up to the beginning: whatever is loaded above, what is read stays in place.
	moved := browsertest.Eval[[]string](t, ann.Tab, `(async () => {
		const moved = [];
		for (let i = 0; i < 40 && !document.querySelector(".room-begin"); i++) {
			log().scrollTop = 90;
			await until(firstInView);
			const first = Math.min(...seqs()), before = firstInView();
			await until(() => Math.min(...seqs()) < first || log().scrollTop > 90 || document.querySelector(".room-begin"));
			await frame();
			const m = document.querySelector("#m" + before.seq + " > .msg");
			const end = m.getBoundingClientRect().bottom - log().getBoundingClientRect().top;
			if (Math.abs(end - before.end) > 2) moved.push(before.seq + " by " + (end - before.end));
		}
		return moved;
	})()`)
	require.Empty(t, moved)
	ann.does(t, `return !!document.querySelector(".room-begin")`)
	ann.does(t, `return until(() => { log().scrollTop = 0; return seqs()[0] === 1; })`)
	ann.does(t, `return seqs().every((s, i, all) => i === 0 || s === all[i - 1] + 1)`)
	ann.does(t, `return document.querySelectorAll(".msg").length <= 400`)

	// News does not take the reader away.
	ann.does(t, `globalThis.before = firstInView(); return true`)
	bob.write(t, "are you there?")
	ann.Wait(t, `document.querySelector(".jump-on .badge")?.innerText.startsWith("1")`)
	ann.does(t, `await until(firstInView); const now = firstInView(); return now.seq === before.seq && Math.abs(now.end - before.end) <= 2`)
	ann.Wait(t, `document.title.startsWith("(1) ")`)
	ann.Click(t, ".jump-btn")
	ann.sees(t, "are you there?")
	ann.does(t, `return until(atEnd)`)
	ann.Wait(t, `document.title === "Lobby · Parley"`)

	// At the end, the end stays in view.
	bob.write(t, "good that you are here")
	ann.sees(t, "good that you are here")
	ann.does(t, `return until(atEnd)`)
	ann.sound(t)
}

func TestKeyboardReachesEverything(t *testing.T) {
	server := browsertest.Serve(t)
	ann := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Ann")
	focus := func(selector string) {
		t.Helper()
		ann.Wait(t, fmt.Sprintf(`document.activeElement?.matches(%q)`, selector))
	}
	focus(composer)
	ann.write(t, "first")
	ann.sees(t, "first")
	ann.write(t, "second")
	ann.sees(t, "second")

	// A line break is Shift and Enter; Enter sends.
	ann.Type(t, composer, "two")
	browsertest.Eval[bool](t, ann.Tab, `document.querySelector("#composer").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", shiftKey: true, bubbles: true, cancelable: true }))`)
	require.Equal(t, "two", browsertest.Eval[string](t, ann.Tab, `document.querySelector("#composer").value`), "it was not sent")
	ann.Press(t, kb.Enter)
	ann.sees(t, "two")

	// Through the messages and back.
	ann.Press(t, kb.ArrowUp)
	focus("#m3 > .msg")
	ann.Press(t, kb.ArrowUp)
	focus("#m2 > .msg")
	ann.Press(t, kb.ArrowDown)
	focus("#m3 > .msg")
	ann.Press(t, kb.ArrowDown)
	focus(composer)

	// Help, from outside of the text.
	ann.Press(t, kb.ArrowUp)
	ann.Press(t, "?")
	ann.WaitText(t, "#dialog-title", "Keyboard")
	ann.Press(t, kb.Escape)
	ann.Wait(t, `!document.querySelector("dialog")`)
	focus("#m3 > .msg")

	// Another room by its name.
	browsertest.Eval[bool](t, ann.Tab, `document.dispatchEvent(new KeyboardEvent("keydown", { key: "k", ctrlKey: true, bubbles: true, cancelable: true })) || true`)
	focus("#switcher")
	ann.Type(t, "#switcher", "rand")
	ann.Press(t, kb.Enter)
	ann.Wait(t, `location.pathname === "/room/random"`)
	focus(composer)
	ann.sound(t)
}

func TestRoomsDraftsAndUnread(t *testing.T) {
	server := browsertest.Serve(t)
	ann := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Ann")
	bob := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Bob")

	ann.Click(t, `[data-arg="new"]`)
	ann.Type(t, "#title", "Design reviews")
	ann.Press(t, kb.Enter)
	ann.Wait(t, `location.pathname === "/room/design-reviews"`)
	bob.Wait(t, `document.querySelector('.room[data-room="design-reviews"]')`)

	ann.Type(t, composer, "half a thought")
	ann.Wait(t, `document.querySelector("#composer").value === "half a thought"`)
	bob.write(t, "one")
	bob.write(t, "@Ann two")
	ann.Wait(t, `document.querySelector('.room[data-room="lobby"] .badge')?.innerText.startsWith("2")`)
	ann.Wait(t, `document.title.startsWith("(2) ")`)

	ann.Click(t, `.room[data-room="lobby"]`)
	ann.Wait(t, `document.querySelector("#new-line")`)
	ann.Wait(t, `document.querySelector(".msg-mention .msg-text")?.innerText === "@Ann two"`)
	ann.Wait(t, `document.title === "Lobby · Parley"`)
	ann.Wait(t, `document.querySelector("#composer").value === ""`)
	ann.Wait(t, `document.querySelector('.room[data-room="design-reviews"] .room-line')?.innerText.includes("half a thought")`)
	ann.Reload(t)
	ann.Click(t, `.room[data-room="design-reviews"]`)
	ann.Wait(t, `document.querySelector("#composer")?.value === "half a thought"`)

	ann.Go(t, server.URL+"/room/no-such-room")
	ann.WaitText(t, "h1", "This room is not there")
	ann.sound(t)
}

// What was written without a connection, for a room that turns out not to be
// there, is shown as not sent: in its place and in the list of rooms.
func TestWrittenForARoomThatIsNotThere(t *testing.T) {
	server := browsertest.Serve(t)
	ann := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Ann")
	ann.installed(t)
	server.Kill(t)
	ann.WaitText(t, ".banner strong", "The server cannot be reached.")
	ann.Go(t, server.URL+"/room/no-such-room")
	ann.ready(t)
	ann.write(t, "is anybody here?")
	ann.queued(t, "is anybody here?")
	server.Start(t)
	ann.WaitText(t, "h1", "This room is not there")
	ann.Wait(t, `document.querySelectorAll("#pending .is-failed").length === 1`)
	ann.WaitText(t, ".msg-failure p", "This room is not there.")
	ann.Wait(t, `document.querySelector("#pending [data-act=copy]") && !document.querySelector("#composer")`)

	ann.Click(t, `.room[data-room="lobby"]`)
	ann.WaitText(t, ".head-title", "Lobby")
	ann.WaitText(t, `.room[data-room="no-such-room"] .room-line`, "Not sent")
	ann.Click(t, `.room[data-room="no-such-room"]`)
	ann.Wait(t, `document.querySelector("#pending [data-act=retry]")`)
	ann.Click(t, `#pending [data-act="discard"]`)
	ann.Wait(t, `!document.querySelector("#pending") && !document.querySelector('.room[data-room="no-such-room"]')`)
	ann.WaitText(t, "h1", "This room is not there")
	ann.sound(t)
}

func TestPhone(t *testing.T) {
	server := browsertest.Serve(t)
	bob := join(t, browsertest.Chromium(t), server.URL+"/room/lobby", "Bob")
	tab := browsertest.Chromium(t).New(t)
	tab.Phone(t)
	tab.Go(t, server.URL+"/")
	ann := person{tab}
	ann.Type(t, nameField, "Ann")
	ann.Press(t, kb.Enter)
	ann.Wait(t, `location.pathname === "/room/lobby"`)
	ann.Wait(t, `document.querySelector(".head .conn-ok")`)
	bob.write(t, "hello phone")
	ann.sees(t, "hello phone")
	ann.write(t, "hello desk")
	bob.sees(t, "hello desk")

	// One screen at a time, nothing wider than it, and everything big enough for
	// a finger.
	tooSmall := `[...document.querySelectorAll("button, a[href], input, textarea")].filter((e) => e.offsetParent && !e.closest(".msg, dialog")).
		filter((e) => { const r = e.getBoundingClientRect(); return r.height < 43.5 || r.width < 43.5; }).map((e) => e.outerHTML.slice(0, 120))`
	require.Empty(t, browsertest.Eval[[]string](t, tab, tooSmall))
	ann.Wait(t, `document.documentElement.scrollWidth <= innerWidth && !document.querySelector(".rail").offsetParent`)
	ann.Click(t, `[data-act="panel"]`)
	ann.WaitText(t, ".dialog-people .person-name", "Ann")
	ann.Wait(t, `document.querySelector("dialog").getAnimations().length === 0`)
	ann.Click(t, `dialog [data-act="close"]`)
	ann.Wait(t, `!document.querySelector("dialog")`)
	ann.Click(t, ".head-back")
	ann.Wait(t, `location.pathname === "/" && !document.querySelector(".room-pane").offsetParent`)
	require.Empty(t, browsertest.Eval[[]string](t, tab, tooSmall))
	ann.Click(t, `.room[data-room="help"]`)
	ann.WaitText(t, ".head-title", "Help")
	ann.sound(t)
}
