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

var (
	_ instance.Sandbox  = voucher{}
	_ instance.Restorer = voucher{}
)

// Create implements instance.Sandbox.
func (v voucher) Create(ctx context.Context, c instance.Config) (instance.Box, error) {
	if err := v.vouch(ctx, c); err != nil {
		return nil, err
	}
	return v.Sandbox.Create(ctx, c)
}

// Restore implements instance.Restorer where the driver's Info says that it is one.
func (v voucher) Restore(ctx context.Context, c instance.Config, dir string) (instance.Box, error) {
	r, err := instance.RestorerOf(v.Sandbox)
	if err != nil {
		return nil, err
	}
	if err := v.vouch(ctx, c); err != nil {
		return nil, err
	}
	return r.Restore(ctx, c, dir)
}

func (v voucher) vouch(ctx context.Context, c instance.Config) error {
	if c.Bundle == "" {
		return nil
	}
	b, err := weights.OpenBundle(ctx, c.Bundle, weights.VerifyOptions{RecordDir: v.records})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.Dir, weights.ProofName), []byte(b.Fingerprint), 0o644); err != nil {
		return fmt.Errorf("cannot leave the model's proof: %w", err)
	}
	return nil
}
