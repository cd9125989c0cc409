package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/videosdgx/videosdgx/bench/judge/shapes"
)

// asked is one clip to be made.
type asked struct {
	spec   shapes.Spec
	prompt string
	seed   uint64
}

// prompts are those of a file, or drawn.
func (o options) prompts() ([]asked, error) {
	if o.file != "" {
		return o.read()
	}
	all, r := make([]asked, 0, o.n), shapes.Rand(o.seed)
	for i := range o.n {
		s := o.draw(r)
		words := s
		if o.striped {
			words.Color = "striped " + s.Color
		}
		prompt := words.Caption(r)
		if o.sounds() {
			prompt = s.Saying(prompt, r)
		}
		all = append(all, asked{s, prompt, (o.seed<<20 + uint64(i)) & (1<<53 - 1)}) // what JSON keeps exactly
	}
	return all, nil
}

// read takes the first n prompts of what images/demo/training/ltxsample.py wrote, where the reference's scores are, too.
func (o options) read() ([]asked, error) {
	raw, err := os.ReadFile(o.file)
	if err != nil {
		return nil, err
	}
	var file struct {
		Clips []struct {
			Prompt string
			Seed   uint64
			Spec   struct {
				Color, Shape, Motion, Size, Speed, Sound string
				Background                               string `json:"bg"`
			}
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", o.file, err)
	}
	if len(file.Clips) < o.n {
		return nil, fmt.Errorf("%s has %d prompts, fewer than -n %d", o.file, len(file.Clips), o.n)
	}
	all := make([]asked, o.n)
	for i, c := range file.Clips[:o.n] {
		all[i] = asked{shapes.Spec{Color: c.Spec.Color, Shape: c.Spec.Shape, Motion: c.Spec.Motion, Background: c.Spec.Background, Size: c.Spec.Size,
			Speed: c.Spec.Speed, Sound: c.Spec.Sound}, c.Prompt, c.Seed}
	}
	return all, nil
}
