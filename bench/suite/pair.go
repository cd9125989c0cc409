package suite

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Pair runs the programs of two checkouts, each with its own binaries (bin/videosdgx, which `make build` makes), round by
// round beside each other: what drifts on the machine meanwhile, such as somebody else's load, is in both. A program that the
// older one does not have is left out, with a word on o.Err. o.Binary is not looked at.
func Pair(ctx context.Context, o Options, before, after string) (a, b *Results, err error) {
	dir, err := os.MkdirTemp("", "videosdgx-pair-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	programs, err := selected(o.Only)
	if err != nil {
		return nil, nil, err
	}
	var stands [2]stand
	for i, tree := range []string{before, after} {
		if stands[i], err = standIn(tree, filepath.Join(dir, fmt.Sprint(i))); err != nil {
			return nil, nil, err
		}
		programs = stands[i].has(programs, o)
	}
	for _, s := range stands {
		if err := s.build(ctx, programs); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", s.tree, err)
		}
	}
	return o.pair(ctx, stands, programs)
}

func (o Options) pair(ctx context.Context, stands [2]stand, programs []Program) (a, b *Results, err error) {
	begin := time.Now()
	now := begin.UTC().Truncate(time.Second)
	a, b = &Results{Time: now}, &Results{Time: now}
	var all []*player
	for _, p := range programs {
		all = append(all, newPlayer(p, stands[0]), newPlayer(p, stands[1]))
	}
	_, err = play(ctx, o, all)
	for i, m := range all {
		if m.report != nil {
			[]*Results{a, b}[i%2].add(m.report)
		}
	}
	a.Seconds = time.Since(begin).Seconds()
	b.Seconds = a.Seconds
	return a, b, err
}

// standIn makes the folder of a checkout's programs.
func standIn(tree, programs string) (stand, error) {
	root, err := filepath.Abs(tree)
	if err != nil {
		return stand{}, err
	}
	s := stand{programs: programs, tree: root, binary: filepath.Join(root, "bin", "videosdgx")}
	st, err := os.Stat(s.binary)
	if err != nil {
		return stand{}, fmt.Errorf("%s has no bin/videosdgx: run `make build` there (%w)", tree, err)
	}
	made := sha256.Sum256(fmt.Appendf(nil, "%s %d %s", s.binary, st.Size(), st.ModTime()))
	s.cache = hex.EncodeToString(made[:6])
	return s, os.Mkdir(programs, 0o755)
}

// has gives those of the programs that are in the checkout.
func (s stand) has(programs []Program, o Options) (there []Program) {
	for _, p := range programs {
		if _, err := os.Stat(filepath.Join(s.tree, "bench", p.Name)); err != nil {
			fmt.Fprintf(o.Err, "bench/%s: left out, %s does not have it\n", p.Name, s.tree)
			continue
		}
		there = append(there, p)
	}
	return there
}
