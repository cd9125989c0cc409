package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/videosdgx/videosdgx/bench/judge/verdict"
)

// result is what the formats made of one prompt.
type result struct {
	Seed    uint64              `json:"seed"`  // of the drawing
	Index   int                 `json:"index"` // of the prompt in it
	Prompt  string              `json:"prompt"`
	Formats map[string]measured `json:"formats"`
}

// measured is one clip against float32's. PSNR is in dB.
type measured struct {
	Latents float64         `json:"latents"`
	Clip    float64         `json:"clip"`
	Verdict verdict.Verdict `json:"verdict"`
	Seconds float64         `json:"seconds"`
}

// store is the results so far, in a file when there is one.
type store struct {
	seed    uint64
	prompts []result
	file    *os.File
}

func open(path string, seed uint64) (*store, error) {
	s := &store{seed: seed}
	if path == "" {
		return s, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	s.file = f
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil || r.Seed != seed {
			return nil, errors.Join(fmt.Errorf("%s line %d is no result of seed %d: remove the file or name another", path, len(s.prompts)+1, seed), f.Close())
		}
		s.prompts = append(s.prompts, r)
	}
	return s, lines.Err()
}

func (s *store) has(i int) bool {
	return slices.ContainsFunc(s.prompts, func(r result) bool { return r.Index == i })
}

// below is the results of the first n prompts, as far as they are there.
func (s *store) below(n int) []result {
	return slices.DeleteFunc(slices.Clone(s.prompts), func(r result) bool { return r.Index >= n })
}

func (s *store) add(i int, r result) error {
	r.Seed, r.Index = s.seed, i
	s.prompts = append(s.prompts, r)
	if s.file == nil {
		return nil
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = s.file.Write(append(line, '\n'))
	return err
}

func (s *store) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
