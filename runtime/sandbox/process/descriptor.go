package process

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
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
	return atomicfile.Replace(filepath.Join(home, descriptorFile), b, 0o644) // it is of this boot
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
