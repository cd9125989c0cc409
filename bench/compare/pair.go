package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"golang.org/x/perf/benchmath"

	"github.com/videosdgx/videosdgx/bench/suite"
)

// pairing is how -trees measures.
type pairing struct {
	trees      bool
	only, save string
	o          suite.Options
}

func (p *pairing) flags(fs *flag.FlagSet) {
	fs.BoolVar(&p.trees, "trees", false, "measure two checkouts, each with its own bin, in alternating rounds")
	fs.StringVar(&p.only, "only", "", "programs, with commas between; empty: all of the suite")
	fs.StringVar(&p.save, "save", "", "folder for both results, old.json and new.json")
	fs.StringVar(&p.o.Driver, "driver", "auto", "sandbox driver: auto, containerd or process")
	fs.BoolVar(&p.o.Tiny, "tiny", false, "the least of each program")
	fs.StringVar(&p.o.Cache, "cache", filepath.Join(os.TempDir(), "videosdgx-bench"), "folder for bundles that are kept for the next run")
}

// run measures and prints. What could be measured is judged, also when a program has failed.
func (p *pairing) run(w io.Writer, before, after string) (apart int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if p.only != "" {
		p.o.Only = strings.Split(p.only, ",")
	}
	p.o.Out, p.o.Err = io.Discard, os.Stderr
	a, b, err := suite.Pair(ctx, p.o, before, after)
	if a == nil {
		return 0, err
	}
	if p.save != "" {
		err = errors.Join(err, save(filepath.Join(p.save, "old.json"), a), save(filepath.Join(p.save, "new.json"), b))
	}
	apart, werr := print(w, a, b, paired(a, b))
	return apart, errors.Join(err, werr)
}

func save(path string, r *suite.Results) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// paired judges by the ratios of rounds that were neighbours.
func paired(a, b *suite.Results) []row {
	rows := compare(a, b)
	for i := range rows {
		rows[i].pair()
	}
	return rows
}

// pair takes the ratios after/before of a row's rounds. Figures that can be zero or negative have none.
func (r *row) pair() {
	n := min(len(r.rounds[0]), len(r.rounds[1]))
	var ratios []float64
	for i := range n {
		if r.rounds[0][i] <= 0 || r.rounds[1][i] <= 0 {
			return
		}
		ratios = append(ratios, r.rounds[1][i]/r.rounds[0][i])
	}
	s := benchmath.AssumeNothing.Summary(sample(ratios), confidence)
	r.ratio, r.apart = &s, s.Lo > 1 || s.Hi < 1
}
