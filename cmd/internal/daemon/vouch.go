package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/runtime/instance"
)

// voucher is a Sandbox that verifies an instance's model bundle before the driver makes the instance: in full once, and
// by what the file system says of its files from then on. It leaves the proof in the instance's folder, so that the
// function need not read gigabytes at every start. A damaged bundle is the start's error, and no process runs.
type voucher struct {
	instance.Sandbox
	records string // folder
}

var _ instance.Sandbox = voucher{}

// Create implements instance.Sandbox.
func (v voucher) Create(ctx context.Context, c instance.Config) (instance.Box, error) {
	if c.Bundle != "" {
		b, err := weights.OpenBundle(ctx, c.Bundle, weights.VerifyOptions{RecordDir: v.records})
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(c.Dir, weights.ProofName), []byte(b.Fingerprint), 0o644); err != nil {
			return nil, fmt.Errorf("cannot leave the model's proof: %w", err)
		}
	}
	return v.Sandbox.Create(ctx, c)
}
