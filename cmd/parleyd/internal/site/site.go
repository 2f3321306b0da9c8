// Package site makes the chat's page a set of files: what go-app renders and
// generates, the compiled program, styles, icons and the service worker, with
// one version over all of it.
//
// Everything is rendered once, at the start. The page has no user data in it and
// is the same for every address, so there is nothing to render per request.
package site

import (
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/maxence-charriere/go-app/v10/pkg/app"

	"parley/app/page"
	"parley/server/httpd"
	"parley/shared/chat"
)

// Addresses of the page's parts.
const (
	prefix   = "/web"
	program  = prefix + "/dist/app.wasm" // as it lies in the file system
	manifest = "/manifest.webmanifest"
	worker   = "/app-worker.js"
	shell    = "/"
)

// generated are the parts that go-app makes besides the shell.
func generated() []string { return []string{"/app.js", "/app.css", "/wasm_exec.js", worker} }

// Site is the page, ready to be served.
type Site struct {
	files   *httpd.Files
	version string
	mux     *http.ServeMux
}

// New makes the site of the files in assets, which lie there as in the web
// directory. page.Register must have been called. The program has to be built
// (`make wasm`), or there is nothing for the page to run.
func New(assets fs.FS) (*Site, error) {
	files := httpd.NewFiles()
	if err := files.AddFS(assets, prefix); err != nil {
		return nil, err
	}
	if !files.Has(program) {
		return nil, fmt.Errorf("the page's program is not built: run `make wasm`: %w", fs.ErrNotExist)
	}
	workerTemplate, err := fs.ReadFile(assets, "worker.js")
	if err != nil {
		return nil, fmt.Errorf("read the service worker: %w", err)
	}
	files.Remove(prefix + "/worker.js") // a template, of no use as it is
	manifestText, err := fs.ReadFile(assets, "manifest.webmanifest")
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	files.Remove(prefix + manifest)
	if err := files.Add(manifest, "", manifestText); err != nil {
		return nil, err
	}

	// The version is over everything, generated parts included, and is in some of
	// these itself: they are made once without it, to be hashed, and once with it.
	s := &Site{files: files}
	files.Plain = true
	if err := s.generate("", string(workerTemplate)); err != nil {
		return nil, err
	}
	files.Plain = false
	if s.version, err = files.Version(files.Paths()...); err != nil {
		return nil, err
	}
	if err := s.generate(s.version, string(workerTemplate)); err != nil {
		return nil, err
	}
	s.mux = http.NewServeMux()
	s.mux.Handle("/", files)
	s.mux.Handle("/room/{id}", s.room(files.Page(shell)))
	s.mux.Handle("/room/{id}/{$}", s.room(files.Page(shell)))
	return s, nil
}

// Version names this release; it changes with every byte a page consists of.
func (s *Site) Version() string { return s.version }

// ServeHTTP answers for the page, its addresses and its files.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// room lets only addresses through that can name a room. Whether there is one is
// for the page to find out: it knows rooms without the server, too.
func (s *Site) room(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if chat.RoomID(r.PathValue("id")).Validate() != nil {
			httpd.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// generate lets go-app make its parts for a version and adds them to the files.
func (s *Site) generate(version, workerTemplate string) error {
	if version == "" {
		version = "none" // go-app would take the time of day
	}
	h := &app.Handler{
		Name:            "Parley",
		ShortName:       "Parley",
		Title:           "Parley",
		Description:     "Chat rooms that keep working when the network does not.",
		Lang:            "en",
		ThemeColor:      "#efebe2",
		BackgroundColor: "#efebe2",
		LoadingLabel:    "Loading {progress}%",
		Icon: app.Icon{
			Default:  "/web/icons/icon-192.png",
			Large:    "/web/icons/icon-512.png",
			SVG:      "/web/icons/icon.svg",
			Maskable: "/web/icons/maskable-512.png",
		},
		Styles:                  page.Styles(),
		Scripts:                 append(page.Scripts(), scripts()...),
		CacheableResources:      s.offline(),
		Resources:               resolver{s.files},
		Version:                 version,
		WasmContentLengthHeader: httpd.RawLengthHeader,
		ServiceWorkerTemplate:   workerTemplate,
	}
	for _, path := range generated() {
		if err := s.files.AddResponse(path, h); err != nil {
			return err
		}
	}
	return s.files.AddResponse(shell, h, dropSocialTags, sortAttributes)
}

// dropSocialTags removes the tags that go-app writes for link previews: they need
// the address of the site, which a program that anyone can run does not know.
func dropSocialTags(html []byte) []byte {
	return regexp.MustCompile(`\s*<meta [^>]*property="og:[^>]*>`).ReplaceAll(html, nil)
}

// scripts are those that the driver needs. They run before go-app's own, which
// are deferred: the watchdog has to be there first.
func scripts() []string {
	return []string{"/web/js/watchdog.js", "/web/js/store.js", "/web/js/release.js"}
}

// offline are the files under names of their own that the page may ask for
// without a network.
func (s *Site) offline() []string {
	var list []string
	for _, p := range s.files.Paths() {
		dir := path.Dir(p)
		if dir == prefix+"/icons" || dir == prefix+"/fonts" {
			list = append(list, p)
		}
	}
	return list
}

// resolver gives the parts that only other parts name the address of their
// content. So they are cached for good, and a part of one release never meets a
// part of another.
type resolver struct{ files *httpd.Files }

func (r resolver) Resolve(location string) string {
	switch {
	case location == prefix+"/app.wasm":
		return r.files.Hashed(program)
	case slices.Contains(page.Styles(), location), slices.Contains(page.Scripts(), location), slices.Contains(scripts(), location):
		return r.files.Hashed(location)
	case strings.HasPrefix(location, "web/"):
		return "/" + location
	default:
		return location
	}
}
