// Package demo is what `make demo` runs: it makes the embedded demo model servable, starts a server of its own, has it
// make one clip from a prompt, measures cold and warm calls, and stops what it started. It uses the program's own
// commands and HTTP API, as a newcomer would.
package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Options say what to make and where.
type Options struct {
	Data       string // state of the demo's server
	Clip       Clip   // its calls are measured
	Sound      Clip   // a clip with sound; no function: none
	Driver     string // as serve takes it
	Seed       int64
	Cold, Warm int // calls to measure
	Out, Err   io.Writer
}

// Clip is one to make, and of what.
type Clip struct {
	Function   string // its name: that of its program, its image and its model
	Checkpoint string // of the demo model
	Image      string // folder of the image's recipe
	Prompt     string
	Output     string
}

// Report is what the demo found.
type Report struct {
	Clip    string   `json:"clip"`
	Driver  string   `json:"driver"`
	Seconds float64  `json:"clipSeconds"`
	Cold    Measured `json:"cold"` // absent → answer, an event that does no work
	Warm    Measured `json:"warm"` // idle → answer, the same event
	Film    Measured `json:"film"` // idle → finished clip
	Sound   *Film    `json:"sound,omitempty"`
}

// Film is a clip that was made beside the measured one.
type Film struct {
	Clip    string  `json:"clip"`
	Seconds float64 `json:"clipSeconds"`
}

// Run goes through all steps. What it started is stopped again, also on error.
func Run(ctx context.Context, o Options) (*Report, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	d := &demo{Options: o, exe: exe}
	for _, p := range []*string{&d.Data, &d.Clip.Output, &d.Sound.Output} {
		if *p == "" {
			continue
		}
		if *p, err = filepath.Abs(*p); err != nil {
			return nil, err
		}
	}
	if err := os.RemoveAll(filepath.Join(d.Data, "functions")); err != nil { // a manifest for another driver
		return nil, err
	}
	for _, c := range d.clips() {
		if err := d.prepare(ctx, c); err != nil {
			return nil, err
		}
	}
	srv, err := d.serve(ctx)
	if err != nil {
		return nil, err
	}
	defer srv.stop()
	driver := ""
	for _, c := range d.clips() {
		if driver, err = d.deploy(ctx, srv, c); err != nil {
			return nil, err
		}
	}
	r, err := d.measure(ctx, srv, driver)
	if err != nil || d.Sound.Function == "" {
		return r, err
	}
	film, err := d.film(ctx, srv, d.Sound)
	r.Sound = &Film{Clip: d.Sound.Output, Seconds: film.Millis / 1000}
	return r, err
}

// clips are those to make.
func (o Options) clips() []Clip {
	if o.Sound.Function == "" {
		return []Clip{o.Clip}
	}
	return []Clip{o.Clip, o.Sound}
}

type demo struct {
	Options
	exe string
}

// command runs one of the program's own commands to its end; its output is shown only when it fails.
func (d *demo) command(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, d.exe, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("videosdgx %s: %w\n%s", args[0], err, out)
	}
	return nil
}

// step says what is being done, does it, and says how long it took.
func (d *demo) step(name string, f func() error) error {
	fmt.Fprintf(d.Err, "%-44s", name+" …")
	begin := time.Now()
	if err := f(); err != nil {
		fmt.Fprintln(d.Err, "failed")
		return err
	}
	fmt.Fprintf(d.Err, "%8.2f s\n", time.Since(begin).Seconds())
	return nil
}
