// Command hostile asks whether the server can be taken, filled up or stopped from outside: it starts a fresh one and plays
// every attack that was ever found, and as many again of each kind. Figure open is the number that came through: 0.
//
// An attack is added in the file of its kind, by a call of add in an init function.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// attack is one try. It gives nil when the server held, errElsewhere when it cannot be played here, and else says what
// came of it.
type attack struct {
	kind, name string
	play       func(ctx context.Context, s *scene) error
}

var attacks []attack

// add notes an attack; kinds are played in alphabetical order, attacks of a kind in the order of their notes.
func add(kind, name string, play func(ctx context.Context, s *scene) error) {
	attacks = append(attacks, attack{kind, name, play})
}

// errElsewhere says why an attack cannot be played on this machine. It counts as skipped, never as held.
var errElsewhere = errors.New("not played")

func elsewhere(why string) error { return fmt.Errorf("%w: %s", errElsewhere, why) }

// patience is how long one attack may take.
const patience = 3 * time.Minute

// scene is what an attack plays in: one server, and a hostile function "giver" that it serves (see giver).
type scene struct {
	*harness.Server
	report *harness.Report
	dir    string // temporary
	driver string
}

func main() {
	o := harness.Options{Driver: "process"}
	o.Flags(flag.CommandLine)
	only := flag.String("only", "", "kinds to play, with commas between them; empty: all")
	log := flag.Bool("log", false, "show the server's log")
	others := flag.Int("crowd", 0, "of the program itself: open so many connections to -crowd-at and send -crowd-send")
	at, send := flag.String("crowd-at", "", ""), flag.String("crowd-send", "", "")
	harness.Main("hostile", func(ctx context.Context) error {
		if *others > 0 {
			return beOthers(ctx, *others, *at, *send)
		}
		if *log {
			o.Log = os.Stderr
		}
		return run(ctx, o, *only)
	})
}

func run(ctx context.Context, o harness.Options, only string) (err error) {
	if o.URL != "" {
		return errors.New("these attacks are for a server of their own: leave -server out")
	}
	o.Args = append(o.Args, "--outgoing", allowed)
	conf, err := os.MkdirTemp("", "videosdgx-hostile-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(conf)) }()
	o.Wrap = names.wrap(conf)
	server, dir, end, err := harness.Begin(ctx, o, "hostile")
	if err != nil {
		return err
	}
	defer end(&err)
	defer func() { err = errors.Join(err, asking.end()) }()
	s := &scene{Server: server, report: harness.NewReport("hostile"), dir: dir}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	open := s.playAll(ctx, strings.FieldsFunc(only, func(r rune) bool { return r == ',' }))
	if err := s.report.Print(os.Stdout); err != nil {
		return err
	}
	if open > 0 {
		return fmt.Errorf("%d attacks came through", open)
	}
	return nil
}

// prepare builds and deploys the giver.
func (s *scene) prepare(ctx context.Context) (err error) {
	if s.driver, err = s.Driver(ctx); err != nil {
		return err
	}
	if s.driver != "process" {
		s.report.Note("the giver runs as a process: with driver %s only attacks that bring their own image are played", s.driver)
		return nil
	}
	giver := filepath.Join(s.dir, "giver")
	if err := harness.Compile(ctx, giver, "bench/hostile/giver"); err != nil {
		return err
	}
	manifest := map[string]any{"name": "giver", "command": []string{giver}, "concurrency": 8, "snapshot": "off", "timeout": "2m",
		"url": map[string]any{"invokeMode": "BUFFERED"}}
	if err := s.put(ctx, manifest); err != nil {
		return err
	}
	manifest["name"], manifest["url"], manifest["concurrency"] = "streamer", map[string]any{"invokeMode": "RESPONSE_STREAM"}, 1
	return s.put(ctx, manifest)
}

func (s *scene) put(ctx context.Context, manifest map[string]any) error {
	return s.Call(ctx, "PUT", "/api/v1/functions/"+manifest["name"].(string), manifest, nil)
}

// playAll plays the attacks of some kinds, or all, and counts those that came through.
func (s *scene) playAll(ctx context.Context, kinds []string) (open int) {
	slices.SortStableFunc(attacks, func(a, b attack) int { return cmp.Compare(a.kind, b.kind) })
	held, skipped := 0, 0
	for _, a := range attacks {
		if len(kinds) > 0 && !slices.Contains(kinds, a.kind) {
			continue
		}
		switch err := s.playOne(ctx, a); {
		case err == nil:
			held++
		case errors.Is(err, errElsewhere):
			skipped++
			s.report.Note("%s: %s: %v", a.kind, a.name, err)
		default:
			open++
			s.report.Note("OPEN %s: %s: %v", a.kind, a.name, err)
		}
	}
	s.report.Figure("held", float64(held))
	s.report.Figure("skipped", float64(skipped))
	s.report.Figure("open", float64(open))
	s.report.Want("open", "= 0")
	return open
}

// playOne plays one attack; a server that does not answer after it has lost as well.
func (s *scene) playOne(ctx context.Context, a attack) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	fmt.Fprintf(os.Stderr, "%s: %s\n", a.kind, a.name)
	if err := a.play(ctx, s); err != nil {
		return err
	}
	if err := s.Get(ctx, "/api/v1/health", nil); err != nil {
		return fmt.Errorf("the server does not answer any more: %w", err)
	}
	return nil
}

// drain reads a body to its end and says how long it was.
func drain(r io.Reader) int64 {
	n, _ := io.Copy(io.Discard, r)
	return n
}
