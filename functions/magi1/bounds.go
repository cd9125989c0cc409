package magi1

import (
	"encoding/json"
	"math"
	"slices"
)

// bound is what a number of a checkpoint's runtime_config may be. The published files have usual.
type bound struct {
	name        string
	least, most float64
	whole       bool
	usual       string
}

// bounds are those of numbers that stand for themselves. None may be zero: what a file leaves out is filled with what is usual, what it
// says is meant.
var bounds = []bound{
	{"cfg_number", 1, 3, true, "3, or 1 of a distilled model"},
	{"chunk_width", 2, 256, true, "6 latent frames"},
	{"window_size", 1, 64, true, "4 chunks in flight"},
	{"num_frames", 1, maxSeconds * 240, true, "96"},
	{"num_steps", 1, maxSteps, true, "64, 16 of a distilled model"},
	{"fps", 1, 240, true, "24"},
	{"video_size_h", 1, maxSide, true, "720"},
	{"video_size_w", 1, maxSide, true, "720 or 1280"},
	{"temporal_downsample_factor", 1, 64, true, "4"},
	{"scale_factor", 1e-6, 1e6, false, "0.18215"},
	{"clean_t", 1e-6, 1, false, "0.9999"},
	{"clean_chunk_kvrange", -1, mostRange, true, "1, or -1 for the last of noise2clean_kvrange"},
}

// lists are the names of those that are more than one number.
var lists = map[string]string{
	"noise2clean_kvrange": "[5, 4, 3, 2]", "cfg_t_range": "[0, 0.0217, 0.1, 0.3, 0.999]", "prev_chunk_scales": "[1.5, 1.5, 1.5, 1, 1]", "text_scales": "[7.5, 7.5, 7.5, 0, 0]",
}

// mostRange is how many chunks a chunk may attend to at most: what is kept of each is memory.
const mostRange = 256

// checkGiven refuses numbers of transformer/config.json that no clip can be made with, also those that a default would hide.
func checkGiven(raw json.RawMessage) error {
	var given struct {
		Runtime map[string]json.RawMessage `json:"runtime_config"`
		Engine  map[string]json.RawMessage `json:"engine_config"`
	}
	if err := json.Unmarshal(raw, &given); err != nil {
		return invalid("configuration of transformer: %v", err)
	}
	for _, b := range bounds {
		text, ok := given.Runtime[b.name]
		if !ok || string(text) == "null" {
			continue
		}
		var v float64
		if err := json.Unmarshal(text, &v); err != nil || v < b.least || v > b.most || v == 0 || b.whole && v != math.Trunc(v) {
			return invalid("transformer/config.json: %s of runtime_config is %.40s; %g to %g is possible, published models have %s", b.name, text, b.least, b.most, b.usual)
		}
	}
	for name, usual := range lists {
		var v []float64
		if text, ok := given.Runtime[name]; ok && (json.Unmarshal(text, &v) != nil || v == nil) {
			return invalid("transformer/config.json: %s of runtime_config is %.40s; a list of numbers is meant, published models have %s", name, text, usual)
		}
	}
	const threshold = "distill_nearly_clean_chunk_threshold"
	var v float64
	if text, ok := given.Engine[threshold]; ok && json.Unmarshal(text, &v) == nil && v == 0 {
		return invalid("transformer/config.json: %s of engine_config is 0; a time above 0, up to 1, is meant, published models have 0.3", threshold)
	}
	return nil
}

// validate refuses a schedule that cannot be walked.
func (c RuntimeConfig) validate() error {
	switch {
	case c.CFGNumber != 1 && c.CFGNumber != 3:
		return invalid("cfg_number is %d; 3 (text, earlier chunks, neither) and 1 (a distilled model) are understood", c.CFGNumber)
	case c.NumFrames > maxSeconds*c.FPS:
		return invalid("num_frames of runtime_config is %d; %d at most are possible at %d frames a second, published models have 96", c.NumFrames, maxSeconds*c.FPS, c.FPS)
	case len(c.KVRange) == 0:
		return invalid("noise2clean_kvrange is empty, so that every chunk attends to all before it and memory grows with the clip; give it as the published configurations do, [5, 4, 3, 2]")
	}
	for _, n := range c.KVRange {
		if n < 1 || n > mostRange {
			return invalid("noise2clean_kvrange has %d; a chunk attends to 1 chunk, itself, at least and to %d at most, published models have [5, 4, 3, 2]", n, mostRange)
		}
	}
	if unit := lcm(c.WindowSize, len(c.KVRange)); unit > maxSteps {
		return invalid("window_size %d and the %d numbers of noise2clean_kvrange need steps in multiples of %d, of which no clip has more than %d; published models have 4 and 4", c.WindowSize, len(c.KVRange), unit, maxSteps)
	}
	if err := c.checkGuidance(); err != nil {
		return err
	}
	return c.checkSteps(c.NumSteps)
}

// checkGuidance refuses ranges of guidance that are none.
func (c RuntimeConfig) checkGuidance() error {
	if c.CFGNumber != 3 {
		return nil
	}
	if len(c.CFGTimes) == 0 || len(c.CFGTimes) != len(c.PrevScales) || len(c.CFGTimes) != len(c.TextScales) {
		return invalid("cfg_t_range, prev_chunk_scales and text_scales have %d, %d and %d numbers; they must be equally many, one at least", len(c.CFGTimes), len(c.PrevScales), len(c.TextScales))
	}
	if !slices.IsSorted(c.CFGTimes) || c.CFGTimes[0] < 0 || slices.Max(c.CFGTimes) > 1 {
		return invalid("cfg_t_range is %v; times from 0 to 1 in rising order are needed, published models have [0, 0.0217, 0.1, 0.3, 0.999]", c.CFGTimes)
	}
	for name, scales := range map[string][]float32{"prev_chunk_scales": c.PrevScales, "text_scales": c.TextScales} {
		for _, s := range scales {
			if s < 0 || s > maxScale {
				return invalid("%s has %g; 0 to %d is possible, published models have at most 7.5", name, s, maxScale)
			}
		}
	}
	return nil
}

// maxScale is the largest scale of guidance.
const maxScale = 100

// validate refuses what decides how a distilled model is walked and is not understood.
func (c EngineConfig) validate() error {
	if c.NearlyCleanAbove < 0 || c.NearlyCleanAbove > 1 {
		return invalid("distill_nearly_clean_chunk_threshold of engine_config is %g; a time from 0 to 1 is meant, published models have 0.3", c.NearlyCleanAbove)
	}
	if known := []string{"8,16,16", "16,16,8"}; !slices.Contains(known, c.Shortcut) {
		return invalid("shortcut_mode of engine_config is %.40q; %q would do", c.Shortcut, known)
	}
	return nil
}
