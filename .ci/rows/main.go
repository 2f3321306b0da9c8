// Command rows prints which test shows which row of the behaviour that Parley promises, and fails
// when a required row has no test.
//
//	go run ./.ci/rows [-require server,http] [-missing] [dir]
//
// The rows are in rows.txt beside this file. A test names its rows in a comment line such as
// "// Rows: E01 E02" in a _test.go, .js or .mjs file, or "# Rows: …" in a .py file, above the test.
// Known weaknesses of others are rows too; tests name them in "// Advisories: CVE-2022-21676".
package main

import (
	"bufio"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

//go:embed rows.txt
var rowsText string

func main() {
	require := flag.String("require", "server,http", "groups whose every row must have a test, comma separated")
	missing := flag.Bool("missing", false, "print only the rows that have no test")
	flag.Parse()
	dir := "."
	if flag.NArg() > 0 {
		dir = flag.Arg(0)
	}
	ok, err := run(os.Stdout, dir, strings.Split(*require, ","), *missing)
	if err != nil {
		fmt.Fprintln(os.Stderr, "rows:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// row is one promise.
type row struct {
	group, id, title string
}

// place is a test that says it shows a row.
type place struct {
	file string
	line int
	test string // the test function that follows the comment, if there is one
}

func (p place) String() string {
	if p.test != "" {
		return filepath.ToSlash(filepath.Dir(p.file)) + " " + p.test
	}
	return fmt.Sprintf("%s:%d", filepath.ToSlash(p.file), p.line)
}

// run prints the table and reports whether every row of the required groups has a test and every
// row named by a test exists.
func run(w io.Writer, dir string, require []string, onlyMissing bool) (bool, error) {
	rows := parseRows(rowsText)
	for _, g := range require {
		if g != "" && !slices.ContainsFunc(rows, func(r row) bool { return r.group == g }) {
			return false, fmt.Errorf("no group %q in rows.txt", g)
		}
	}
	places, err := scan(dir)
	if err != nil {
		return false, err
	}

	ok := true
	group := ""
	lost := map[string]int{}
	for _, r := range rows {
		ps := places[r.id]
		delete(places, r.id)
		if len(ps) == 0 {
			lost[r.group]++
		}
		if onlyMissing && len(ps) > 0 {
			continue
		}
		if r.group != group {
			group = r.group
			fmt.Fprintf(w, "\n[%s]\n", group)
		}
		fmt.Fprintf(w, "%-4s %s\n", r.id, r.title)
		if len(ps) == 0 && !onlyMissing {
			fmt.Fprintf(w, "       -> NO TEST\n")
		}
		for _, p := range compactPlaces(ps) {
			if !onlyMissing {
				fmt.Fprintf(w, "       -> %s\n", p)
			}
		}
	}

	fmt.Fprintln(w)
	for _, g := range groups(rows) {
		must := slices.Contains(require, g)
		word := "not required yet"
		if must {
			word = "required"
		}
		total := 0
		for _, r := range rows {
			if r.group == g {
				total++
			}
		}
		fmt.Fprintf(w, "%s: %d of %d rows have a test (%s)\n", g, total-lost[g], total, word)
		if must && lost[g] > 0 {
			ok = false
		}
	}
	for _, id := range slices.Sorted(maps.Keys(places)) {
		fmt.Fprintf(w, "unknown row %s in %s:%d\n", id, places[id][0].file, places[id][0].line)
		ok = false
	}
	return ok, nil
}

// parseRows reads the list: "[group]" lines, and lines of an id and a title.
func parseRows(text string) []row {
	var rows []row
	group := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			group = strings.Trim(line, "[]")
		default:
			id, title, _ := strings.Cut(line, " ")
			rows = append(rows, row{group, id, title})
		}
	}
	return rows
}

func groups(rows []row) []string {
	var gs []string
	for _, r := range rows {
		if !slices.Contains(gs, r.group) {
			gs = append(gs, r.group)
		}
	}
	return gs
}

var (
	comment  = regexp.MustCompile(`^\s*(?://|#)\s*(?:Rows|Advisories):\s*(.+)$`)
	function = regexp.MustCompile(`^func ((?:Test|Fuzz|Example|Benchmark)\w*)`)
)

// scan collects the rows named by the tests below dir.
func scan(dir string) (map[string][]place, error) {
	found := map[string][]place{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != dir && (name == "node_modules" || name == "bin" || name == "dist" || strings.HasPrefix(name, ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, "_test.go") && !slices.Contains([]string{".js", ".mjs", ".py"}, filepath.Ext(name)) {
			return nil
		}
		return scanFile(dir, path, found)
	})
	return found, err
}

// scanFile adds what one file names. A comment belongs to the test function that follows it before
// any blank line, and to its own line otherwise.
func scanFile(dir, path string, found map[string][]place) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}

	type mention struct {
		id   string
		line int
	}
	var open []mention
	flush := func(test string) {
		for _, m := range open {
			found[m.id] = append(found[m.id], place{rel, m.line, test})
		}
		open = nil
	}
	s := bufio.NewScanner(f)
	s.Buffer(nil, 16<<20)
	for n := 1; s.Scan(); n++ {
		line := s.Text()
		if m := comment.FindStringSubmatch(line); m != nil {
			for _, id := range strings.FieldsFunc(m[1], func(r rune) bool { return r == ' ' || r == ',' }) {
				open = append(open, mention{strings.TrimRight(id, "."), n})
			}
			continue
		}
		if m := function.FindStringSubmatch(line); m != nil {
			flush(m[1])
		} else if strings.TrimSpace(line) == "" || !strings.HasPrefix(strings.TrimSpace(line), "//") {
			flush("")
		}
	}
	flush("")
	return s.Err()
}

// compactPlaces drops repetitions that print the same.
func compactPlaces(ps []place) []string {
	var out []string
	for _, p := range ps {
		if s := p.String(); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
