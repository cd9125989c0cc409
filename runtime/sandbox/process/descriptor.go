package process

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// descriptor is what a later control plane must know of an instance.
type descriptor struct {
	ID       string            `json:"id"`
	Function string            `json:"function"`
	Labels   map[string]string `json:"labels,omitempty"`
	Dir      string            `json:"dir"`
	Log      string            `json:"log,omitempty"`
	Bundle   string            `json:"bundle,omitempty"`
	Command  []string          `json:"command"`
	GPUs     []string          `json:"gpus,omitempty"`
	WorkDir  string            `json:"workDir,omitempty"`
	PID      int               `json:"pid,omitempty"`       // of init; 0: staged
	Started  uint64            `json:"startTime,omitempty"` // of that process, in clock ticks since boot: tells it from a later one
	Boot     string            `json:"boot,omitempty"`      // the boot it belongs to
}

const descriptorFile = "instance.json"

// save replaces the descriptor in one step.
func (r descriptor) save(home string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(home, descriptorFile)
	if err := os.WriteFile(path+".new", b, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func loadDescriptor(home string) (descriptor, error) {
	var r descriptor
	b, err := os.ReadFile(filepath.Join(home, descriptorFile))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%s: %w", home, err)
	}
	return r, nil
}
