package lora

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// adapter is what PEFT says beside the factors, all of it optional: alpha for every module, or for those that a pattern matches.
type adapter struct {
	Alpha    *float64 `json:"lora_alpha"`
	Patterns patterns `json:"alpha_pattern"`
	Rooted   bool     `json:"use_rslora"` // alpha/√rank in place of alpha/rank
}

// adapters are a file's, by the component of the pipeline: "transformer", "transformer_2"; "" where none is named.
type adapters map[string]*adapter

// patterns are alphas of modules, the first that matches counts: PEFT keeps the order in which they are written.
type patterns []pattern

type pattern struct {
	module *regexp.Regexp
	alpha  float64
}

// UnmarshalJSON reads an object in its order. A key is a regular expression of a module's name, or of its end after a dot.
func (p *patterns) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	var all map[string]float64
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	for key, err := d.Token(); err == nil; key, err = d.Token() {
		name, ok := key.(string)
		if !ok {
			continue // a brace, or a value
		}
		module, err := regexp.Compile(`^(?:.*\.)?(?:` + name + `)$`)
		if err != nil {
			return fmt.Errorf("%q is no pattern of modules' names", name)
		}
		*p = append(*p, pattern{module, all[name]})
	}
	return nil
}

// readAdapters looks into the header, where diffusers writes them, and for the adapter_config.json that PEFT lays beside.
func readAdapters(f *weights.File) (adapters, error) {
	all := adapters{}
	if raw := f.Metadata()["lora_adapter_metadata"]; raw != "" {
		var flat map[string]json.RawMessage
		if err := json.Unmarshal([]byte(raw), &flat); err != nil {
			return nil, &weights.FormatError{File: f.Path(), Reason: "lora_adapter_metadata in its header is not valid JSON"}
		}
		return all, all.read(f.Path(), flat)
	}
	raw, err := weights.ReadBeside(weights.Adapter(f.Path()))
	if raw == nil && err == nil {
		return all, nil
	}
	a := &adapter{}
	if err == nil {
		err = json.Unmarshal(raw, a)
	}
	if err != nil {
		return nil, &weights.FormatError{File: f.Path(), Reason: "the adapter_config.json beside it cannot be read: " + err.Error()}
	}
	all[""] = a
	return all, nil
}

// read takes "transformer.lora_alpha" and so on.
func (all adapters) read(path string, flat map[string]json.RawMessage) error {
	for key, raw := range flat {
		dot := strings.LastIndexByte(key, '.')
		component := key[:max(dot, 0)]
		a := all[component]
		if a == nil {
			a = &adapter{}
			all[component] = a
		}
		var to any
		switch key[dot+1:] {
		case "lora_alpha":
			to = &a.Alpha
		case "alpha_pattern":
			to = &a.Patterns
		case "use_rslora":
			to = &a.Rooted
		default:
			continue
		}
		if err := json.Unmarshal(raw, to); err != nil {
			return &weights.FormatError{File: path, Reason: key + " in its header is not what PEFT writes"}
		}
	}
	return nil
}

// of is what is said of a component: where one alone is named it is of the whole file.
func (all adapters) of(component string) *adapter {
	if a := all[component]; a != nil || len(all) != 1 {
		return a
	}
	for _, a := range all {
		return a
	}
	return nil
}

// scale is that of a module of a rank, 1 where nothing is said.
func (a *adapter) scale(module string, rank int64) float64 {
	if a == nil {
		return 1
	}
	alpha := a.Alpha
	for _, p := range a.Patterns {
		if p.module.MatchString(module) {
			alpha = &p.alpha
			break
		}
	}
	switch {
	case alpha == nil:
		return 1
	case a.Rooted:
		return *alpha / math.Sqrt(float64(rank))
	}
	return *alpha / float64(rank)
}
