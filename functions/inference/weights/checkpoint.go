package weights

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/containerd/errdefs"
)

// Checkpoint is a folder in the diffusers layout: model_index.json and one folder per component.
type Checkpoint struct {
	Dir        string
	Class      string // _class_name of model_index.json, such as "WanPipeline"
	Index      map[string]json.RawMessage
	Components map[string]*Component
}

// Component is one folder of a checkpoint. A component without weights (tokenizer, scheduler) has an empty Set.
type Component struct {
	*Set
	Name    string
	Dir     string
	Library string // "diffusers", "transformers"
	Class   string // such as "AutoencoderKLWan"
	Config  json.RawMessage
}

// configNames are the files that hold a component's configuration.
var configNames = []string{"config.json", "scheduler_config.json", "tokenizer_config.json", "preprocessor_config.json"}

// OpenCheckpoint opens every component of the checkpoint in dir. Where the folder has a SHA256SUMS file (as `models
// pull` writes it), every file that it lists is read and verified first.
func OpenCheckpoint(ctx context.Context, dir string) (*Checkpoint, error) {
	if err := VerifySums(ctx, dir); err != nil {
		return nil, err
	}
	return InspectCheckpoint(dir)
}

// InspectCheckpoint is OpenCheckpoint without the verification: for showing what a checkpoint holds, in no time.
func InspectCheckpoint(dir string) (*Checkpoint, error) {
	path := filepath.Join(dir, "model_index.json")
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s is no checkpoint in the diffusers layout: it has no model_index.json: %w", dir, errdefs.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read checkpoint: %w", err)
	}
	c := &Checkpoint{Dir: dir, Components: map[string]*Component{}}
	if err := json.Unmarshal(raw, &c.Index); err != nil {
		return nil, &FormatError{File: path, Reason: "not a JSON object with a _class_name, as diffusers writes it"}
	}
	if err := c.open(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Checkpoint) open() error {
	_ = json.Unmarshal(c.Index["_class_name"], &c.Class) // absent or not a string: no class
	for _, name := range slices.Sorted(maps.Keys(c.Index)) {
		var pair []*string
		if json.Unmarshal(c.Index[name], &pair) != nil || len(pair) != 2 || pair[0] == nil || pair[1] == nil {
			continue // a scalar setting, or a component that this model does without
		}
		dir := filepath.Join(c.Dir, name)
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("model_index.json of %s names the component %s, and there is no such folder: fetch the checkpoint again: %w", c.Dir, name, errdefs.ErrNotFound)
		}
		comp, err := openComponent(dir)
		if err != nil {
			return err
		}
		comp.Name, comp.Library, comp.Class = name, *pair[0], *pair[1]
		c.Components[name] = comp
	}
	return nil
}

func openComponent(dir string) (*Component, error) {
	set, err := OpenSet(dir)
	if err != nil {
		return nil, err
	}
	comp := &Component{Set: set, Dir: dir}
	for _, name := range configNames {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil && !json.Valid(raw) {
			err = &FormatError{File: filepath.Join(dir, name), Reason: "not valid JSON"}
		}
		if err != nil {
			set.Close()
			return nil, err
		}
		comp.Config = raw
		break
	}
	return comp, nil
}

// QuantizedBy is the quant_method that a component's config.json says its weights were quantized by, such as "modelopt"; empty
// where it says nothing.
func (c *Component) QuantizedBy() string {
	var config struct {
		By struct {
			Method string `json:"quant_method"`
		} `json:"quantization_config"`
	}
	_ = json.Unmarshal(c.Config, &config) // of another form: nothing is said
	return config.By.Method
}

// Close closes every component.
func (c *Checkpoint) Close() error {
	var errs []error
	for _, comp := range c.Components {
		errs = append(errs, comp.Close())
	}
	return errors.Join(errs...)
}

// Class is the _class_name of the checkpoint in dir, such as "WanPipeline". Nothing but model_index.json is read.
func Class(dir string) (string, error) {
	path := filepath.Join(dir, "model_index.json")
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%s is no checkpoint in the diffusers layout: it has no model_index.json: %w", dir, errdefs.ErrNotFound)
	}
	if err != nil {
		return "", fmt.Errorf("cannot read checkpoint: %w", err)
	}
	var index struct {
		Class string `json:"_class_name"`
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		return "", &FormatError{File: path, Reason: "not a JSON object with a _class_name, as diffusers writes it"}
	}
	return index.Class, nil
}
