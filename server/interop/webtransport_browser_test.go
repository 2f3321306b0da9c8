package interop_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/server"
	"parley/server/interop/browsertest"
	"parley/shared/engineio"
)

// pinned returns a certificate for 127.0.0.1 of the kind that a browser takes by its hash alone: with an ECDSA
// key and for less than two weeks.
func pinned(t *testing.T) (cert tls.Certificate, hash []int) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(9 * 24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	for _, b := range sha256.Sum256(der) {
		hash = append(hash, int(b))
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, hash
}

// openJS opens a socket of the official client over these transports and resolves, when it is connected and has
// been upgraded, with its id and its transport.
const openJS = `new Promise((resolve, reject) => {
	const [transports, hash] = [%s, new Uint8Array(%s)];
	globalThis.socket = io({
		transports, reconnection: false, forceNew: true,
		transportOptions: { webtransport: { serverCertificateHashes: [{ algorithm: "sha-256", value: hash.buffer }] } },
	});
	globalThis.ended = new Promise((resolve) => socket.once("disconnect", resolve));
	socket.once("connect_error", (err) => reject(new Error(err.message + ": " + err.description)));
	socket.once("connect", async () => {
		// While the upgrade happens.
		for (let i = 0; i < 200; i++) {
			const [n, one] = await new Promise((done) => socket.emit("echo", i, new Uint8Array([i]), (...args) => done(args)));
			if (n !== i || new Uint8Array(one)[0] !== i) return reject(new Error("echo of " + i));
		}
		const { engine } = socket.io;
		if (engine.transport.name === "polling") await new Promise((done) => engine.once("upgrade", done));
		resolve({ id: socket.id, transport: engine.transport.name });
	});
})`

// largeJS resolves with whether large texts, blobs of many sizes and a burst come back whole and in order.
const largeJS = `(async () => {
	const text = "ü".repeat(400000);
	if (await socket.emitWithAck("echo", text) !== text) return "text";
	for (const size of [1, 125, 126, 65535, 65536, 900000]) {
		const sent = new Uint8Array(size).map((_, i) => i);
		const back = new Uint8Array(await socket.emitWithAck("echo", sent));
		if (back.length !== size || back.some((b, i) => b !== sent[i])) return size + " bytes";
	}
	const got = [];
	await new Promise((resolve) => {
		socket.on("burst", (i) => got.push(i) === 500 && resolve());
		socket.emit("burst", 500);
	});
	return got.every((n, i) => n === i) ? "whole" : "order";
})()`

// leaveJS joins one more namespace, leaves it, and resolves with the id it had there.
const leaveJS = `new Promise((resolve) => {
	const custom = socket.io.socket("/custom");
	custom.once("connect", () => {
		const { id } = custom;
		custom.disconnect();
		resolve(id);
	});
})`

// officialPage is a page with the official client that may use some transports.
type officialPage struct {
	*fixture
	tab        *browsertest.Tab
	transports []string
	pin        []int
}

// opened is a socket of the page.
type opened struct{ ID, Transport string }

// open opens the page's next socket.
func (p *officialPage) open(t *testing.T) opened {
	t.Helper()
	list, err := json.Marshal(p.transports)
	require.NoError(t, err)
	pin, err := json.Marshal(p.pin)
	require.NoError(t, err)
	o := browsertest.Eval[opened](t, p.tab, fmt.Sprintf(openJS, list, pin))
	if !slices.Contains(p.transports, "websocket") {
		require.Equal(t, "webtransport", o.Transport)
	}
	return o
}

// reason is the server's for the end of a socket.
func (p *officialPage) reason(t *testing.T, id string) engineio.Reason {
	t.Helper()
	d := p.of(id)
	select {
	case <-d.done:
		return d.reason
	case <-time.After(patience):
		require.FailNow(t, "the server does not notice")
		return ""
	}
}

// closedByServer requires that the client takes the end for one after which it comes back. When the server closes a
// WebTransport session, the library says in the same packet that it reads no more, which Chromium takes for a loss.
func (p *officialPage) closedByServer(t *testing.T, o opened) {
	t.Helper()
	told := []string{"transport close"}
	if o.Transport == "webtransport" {
		told = append(told, "transport error")
	}
	require.Contains(t, told, browsertest.Eval[string](t, p.tab, "ended"))
	require.True(t, browsertest.Eval[bool](t, p.tab, "socket.active"))
}

// The official client in Chromium speaks WebTransport with us: alone, as an upgrade, and beside WebSocket, which it
// tries 200 ms later.
//
// Rows: E11 E09 E20 B02 N04 A15 reason/client-namespace-disconnect reason/transport-close reason/forced-close
// Rows: reason/server-shutting-down
func TestOfficialClientOverWebTransport(t *testing.T) {
	const bundles = "node_modules/socket.io/client-dist"
	require.FileExists(t, bundles+"/socket.io.js", "the official client is not installed: run `make npm`")
	cert, pin := pinned(t)
	browser := browsertest.Chromium(t)
	for _, transports := range [][]string{{"webtransport"}, {"polling", "webtransport"}, {"polling", "websocket", "webtransport"}} {
		t.Run(strings.Join(transports, ","), func(t *testing.T) {
			cfg := server.Config{Client: os.DirFS(bundles)}
			cfg.Engine.Transports = []string{"polling", "websocket", "webtransport"}
			p := &officialPage{fixture: newFixture(cfg), transports: transports, pin: pin}
			mux := http.NewServeMux()
			mux.Handle("/socket.io/", p)
			mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				_, _ = w.Write([]byte(`<!doctype html><script src="/socket.io/socket.io.js"></script>`))
			})
			p.listen(t, mux)
			serveHTTP3(t, p.Server, strings.TrimPrefix(p.url, "http://"), cert) // an upgrade stays on the port
			p.tab = browser.Open(t, p.url)

			o := p.open(t)
			require.Equal(t, o.Transport, browsertest.Eval[string](t, p.tab, `socket.emitWithAck("me").then((me) => me.transport)`))
			require.Equal(t, "whole", browsertest.Eval[string](t, p.tab, largeJS))

			// Only this way: the client gives an empty blob a frame of length zero, which is an error to everyone.
			browsertest.Eval[any](t, p.tab, `void (globalThis.empty = new Promise((resolve) => socket.once("empty", resolve)))`)
			require.NoError(t, p.Emit("empty", []byte{}))
			require.True(t, browsertest.Eval[bool](t, p.tab, `empty.then((b) => b instanceof ArrayBuffer && b.byteLength === 0)`))

			// Not the only namespace: then the client closes the session in the same moment, and may cut off its goodbye.
			id := browsertest.Eval[string](t, p.tab, leaveJS)
			require.Equal(t, engineio.ReasonClientNamespaceDisconnect, p.reason(t, id))
			require.Equal(t, "forced close", browsertest.Eval[string](t, p.tab, `(socket.io.engine.close(), ended)`))
			require.Equal(t, engineio.ReasonTransportClose, p.reason(t, o.ID))

			o = p.open(t)
			browsertest.Eval[any](t, p.tab, `void socket.emit("cut")`)
			p.closedByServer(t, o)
			require.Equal(t, engineio.ReasonForcedClose, p.reason(t, o.ID))

			o = p.open(t)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			browsertest.Eval[any](t, p.tab, `void (globalThis.last = new Promise((resolve) => socket.once("said", resolve)))`)
			require.NoError(t, p.Emit("said", "last words"))
			require.NoError(t, p.Shutdown(ctx))
			require.Equal(t, "last words", browsertest.Eval[string](t, p.tab, "last"))
			p.closedByServer(t, o)
			require.Equal(t, engineio.ReasonServerShuttingDown, p.reason(t, o.ID))
			p.tab.Close(t)
		})
	}
}
