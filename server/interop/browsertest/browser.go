// Package browsertest drives a real Chromium and a real server process for the
// tests of the whole product.
//
//	server := browsertest.Serve(t)
//	tab := browsertest.Chromium(t).Open(t, server.URL+"/room/lobby")
//	tab.Wait(t, `document.querySelector("h1")?.textContent === "Lobby"`)
//	server.Kill(t)
//
// A missing Chromium fails the test: a suite that skips proves nothing.
package browsertest

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long anything the page does may take. It is long because the
// machines that run this are small and run other tests beside it.
const patience = 90 * time.Second

// Browser is a running Chromium with a profile of its own.
type Browser struct {
	ctx context.Context
	end context.CancelFunc
}

// Chromium starts a browser with a fresh profile that ends with the test.
func Chromium(t testing.TB) *Browser {
	t.Helper()
	return ChromiumIn(t, t.TempDir())
}

// ChromiumIn starts a browser with the profile in dir. After Close another one
// can be started with it, as a person does who opens the browser again.
func ChromiumIn(t testing.TB, dir string) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("these tests need Chromium: %v", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.WSURLReadTimeout(patience), chromedp.WindowSize(1280, 800),
	)
	alloc, endAlloc := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, endBrowser := chromedp.NewContext(alloc, chromedp.WithErrorf(func(string, ...any) {}))
	b := &Browser{ctx: ctx, end: sync.OnceFunc(func() {
		// Close the browser in order, so that the profile is written, then its process.
		_ = chromedp.Cancel(ctx)
		endBrowser()
		endAlloc()
	})}
	t.Cleanup(b.end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return b
}

// Close ends the browser as a person does: everything it should remember is in
// the profile.
func (b *Browser) Close() { b.end() }

// Tab is one page of a browser. It notes what goes wrong in it.
type Tab struct {
	ctx context.Context
	end context.CancelFunc

	mu       sync.Mutex
	problems []string // guarded by mu
	lines    []string // guarded by mu
}

// Open opens a new tab at an address and returns when the document is loaded.
func (b *Browser) Open(t testing.TB, url string) *Tab {
	t.Helper()
	tab := b.New(t)
	tab.Go(t, url)
	return tab
}

// New opens an empty tab.
func (b *Browser) New(t testing.TB) *Tab {
	t.Helper()
	ctx, end := chromedp.NewContext(b.ctx)
	tab := &Tab{ctx: ctx, end: end}
	tab.run(t, "open a tab")
	messages := chromedp.Console(ctx)
	go func() { // ends with the tab
		for m, err := range messages {
			if err != nil {
				return
			}
			tab.note(m)
		}
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("console of the tab:\n%s", strings.Join(tab.console(), "\n"))
		}
		end()
	})
	return tab
}

// note keeps what the page reports about itself.
func (tab *Tab) note(m chromedp.ConsoleMessage) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	line := m.String()
	if m.URL != "" {
		line += " (" + m.URL + ")"
	}
	tab.lines = append(tab.lines, line)
	if m.IsException() || m.Source == "security" || strings.Contains(m.Text, "Content Security Policy") {
		tab.problems = append(tab.problems, line)
	}
}

func (tab *Tab) console() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return append([]string(nil), tab.lines...)
}

// Problems are uncaught exceptions and breaches of the security policy so far.
func (tab *Tab) Problems() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return append([]string(nil), tab.problems...)
}

// Close closes the tab.
func (tab *Tab) Close(t testing.TB) {
	t.Helper()
	if err := chromedp.Cancel(tab.ctx); err != nil {
		t.Fatalf("close a tab: %v", err)
	}
}

// Crash ends the tab's process as a kill does; nothing of it gets to run again.
func (tab *Tab) Crash(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, 2*time.Second)
	defer cancel()
	// A process that is gone does not answer.
	_, _ = chromedp.Run(ctx, func(ctx context.Context, target *chromedp.Target) (cdp.Empty, error) {
		return cdp.Call(ctx, target, page.Crash, cdp.Empty{})
	})
}

// run carries out actions and fails the test when one fails or takes too long.
func (tab *Tab) run(t testing.TB, what string, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if _, err := try(tab, chromedp.Steps(actions...)); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// try bounds an action. The deadline is put on a context of its own, as the
// tab's first action decides how long the tab lives.
func try[T any](tab *Tab, action chromedp.Action[T]) (T, error) {
	if chromedp.FromContext(tab.ctx).Target == nil {
		if err := chromedp.Do(tab.ctx); err != nil {
			var none T
			return none, err
		}
	}
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, action)
}

// Go loads an address and waits until the document is loaded.
func (tab *Tab) Go(t testing.TB, url string) {
	t.Helper()
	tab.run(t, "go to "+url, chromedp.Navigate(url))
}

// Reload loads the page again.
func (tab *Tab) Reload(t testing.TB) {
	t.Helper()
	tab.run(t, "reload", chromedp.Reload())
}

// Eval evaluates a JavaScript expression in the tab, awaits it when it is a
// promise, and returns its value, which must be one that JSON can carry.
func Eval[T any](t testing.TB, tab *Tab, expression string) T {
	t.Helper()
	v, err := evaluate[T](tab, expression)
	if err != nil {
		t.Fatalf("evaluate %s: %v", expression, err)
	}
	return v
}

func evaluate[T any](tab *Tab, expression string) (T, error) {
	return try(tab, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Wait polls a JavaScript expression until it is true. The polling is done from
// here, because a page that is being loaded again takes its own timers along.
func (tab *Tab) Wait(t testing.TB, condition string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	var last error
	for time.Now().Before(deadline) {
		ok, err := evaluate[bool](tab, "(async () => Boolean("+condition+"))()")
		if ok {
			return
		}
		last = err
		<-time.After(50 * time.Millisecond)
	}
	text, _ := evaluate[string](tab, `document.body?.innerText + "\n\nfocus: " + document.activeElement?.outerHTML.slice(0, 300) +
		"\nvalue: " + JSON.stringify(document.activeElement?.value)`)
	t.Fatalf("waited in vain for %s (last error: %v); the page shows:\n%s", condition, last, text)
}

// Text returns the visible text of the first element that fits the selector.
func (tab *Tab) Text(t testing.TB, selector string) string {
	t.Helper()
	return Eval[string](t, tab, "document.querySelector("+quote(selector)+")?.innerText ?? ''")
}

// Texts returns the visible texts of all elements that fit the selector.
func (tab *Tab) Texts(t testing.TB, selector string) []string {
	t.Helper()
	return Eval[[]string](t, tab, "[...document.querySelectorAll("+quote(selector)+")].map((e) => e.innerText)")
}

// WaitText waits until the first element that fits the selector shows a text.
func (tab *Tab) WaitText(t testing.TB, selector, text string) {
	t.Helper()
	tab.Wait(t, "document.querySelector("+quote(selector)+")?.innerText.includes("+quote(text)+")")
}

// Type puts the focus on an element, once it is there, and types a text with the
// keyboard.
func (tab *Tab) Type(t testing.TB, selector, text string) {
	t.Helper()
	tab.Wait(t, "document.querySelector("+quote(selector)+")?.disabled === false")
	tab.run(t, "type into "+selector, chromedp.Focus(chromedp.CSS(selector)), chromedp.KeyEvent(text))
}

// Press presses keys where the focus is; chromedp/kb names special ones.
func (tab *Tab) Press(t testing.TB, keys string) {
	t.Helper()
	if keys == kb.Enter {
		tab.enter(t)
		return
	}
	tab.run(t, "press a key", chromedp.KeyEvent(keys))
}

// enter presses Enter as a keyboard does: what the key writes follows from the
// press, unless the page prevents it. chromedp sends both regardless.
func (tab *Tab) enter(t testing.TB) {
	t.Helper()
	key := input.DispatchKeyEventParams{
		Type: input.DispatchKeyEventTypeKeyDown, Key: "Enter", Code: "Enter", Text: "\r", UnmodifiedText: "\r",
		WindowsVirtualKeyCode: 13, NativeVirtualKeyCode: 13,
	}
	call(t, tab, input.DispatchKeyEvent, key)
	key.Type, key.Text, key.UnmodifiedText = input.DispatchKeyEventTypeKeyUp, "", ""
	call(t, tab, input.DispatchKeyEvent, key)
}

// Click clicks the first element that fits the selector, once it is visible.
func (tab *Tab) Click(t testing.TB, selector string) {
	t.Helper()
	tab.run(t, "click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// Phone gives the tab the size and the touch screen of a phone.
func (tab *Tab) Phone(t testing.TB) {
	t.Helper()
	call(t, tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: 390, Height: 844, DeviceScaleFactor: 2, Mobile: true,
	})
	call(t, tab, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
}

// CutNetwork takes the network from the tab, or gives it back.
func (tab *Tab) CutNetwork(t testing.TB, cut bool) {
	t.Helper()
	call(t, tab, network.OverrideNetworkState, network.OverrideNetworkStateParams{
		Offline: cut, DownloadThroughput: -1, UploadThroughput: -1,
	})
}

// InstallabilityErrors are Chromium's reasons why the page cannot be installed.
func (tab *Tab) InstallabilityErrors(t testing.TB) []string {
	t.Helper()
	found := []string{}
	for _, reason := range call(t, tab, page.GetInstallabilityErrors, cdp.Empty{}).InstallabilityErrors {
		found = append(found, reason.ErrorID)
	}
	return found
}

// Screenshot is a PNG of what the tab shows.
func (tab *Tab) Screenshot(t testing.TB) []byte {
	t.Helper()
	png, err := try(tab, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatalf("take a picture: %v", err)
	}
	return png
}

// Work is the processor time that the page's main thread has spent on scripts,
// styles and layout since this was asked first: what a person would have waited
// for, were the machine idle.
func (tab *Tab) Work(t testing.TB) time.Duration {
	t.Helper()
	call(t, tab, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	seconds := 0.0
	for _, m := range call(t, tab, performance.GetMetrics, cdp.Empty{}).Metrics {
		switch m.Name {
		case "ScriptDuration", "LayoutDuration", "RecalcStyleDuration":
			seconds += m.Value
		}
	}
	return time.Duration(seconds * float64(time.Second))
}

// call sends one command of the DevTools protocol.
func call[P, R any](t testing.TB, tab *Tab, command cdp.Command[P, R], params P) R {
	t.Helper()
	result, err := try(tab, func(ctx context.Context, target *chromedp.Target) (R, error) {
		return cdp.Call(ctx, target, command, params)
	})
	if err != nil {
		t.Fatalf("%s: %v", command.Method, err)
	}
	return result
}

func quote(s string) string {
	text, _ := json.Marshal(s) // a string always encodes
	return string(text)
}

// Freeze stops the page's tasks as a browser does with a page in the background,
// or thaws it.
func (tab *Tab) Freeze(t testing.TB, frozen bool) {
	t.Helper()
	state := page.SetWebLifecycleStateStateActive
	if frozen {
		state = page.SetWebLifecycleStateStateFrozen
	}
	call(t, tab, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: state})
}
