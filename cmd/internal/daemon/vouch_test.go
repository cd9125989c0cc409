package daemon

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/runtime/instance"
)

type countingSandbox struct {
	instance.Sandbox
	made int
}

func (s *countingSandbox) Create(context.Context, instance.Config) (instance.Box, error) {
	s.made++
	return nil, nil
}

func (s *countingSandbox) Info() instance.Info { return instance.Info{Name: "counting"} }

// TestAVoucherGainsNoAbility: a driver that cannot restore does not look as if it could for being wrapped.
func TestAVoucherGainsNoAbility(t *testing.T) {
	v := voucher{Sandbox: &countingSandbox{}}
	if r, err := instance.RestorerOf(v); !errdefs.IsNotImplemented(err) {
		t.Errorf("%v, %v", r, err)
	}
	if _, err := v.Restore(context.Background(), instance.Config{}, "dir"); !errdefs.IsNotImplemented(err) {
		t.Error(err)
	}
}

func TestABundleIsVouchedFor(t *testing.T) {
	bundle, dir, below := t.TempDir(), t.TempDir(), &countingSandbox{}
	if err := os.WriteFile(filepath.Join(bundle, "w"), []byte("weights"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := weights.Seal(context.Background(), bundle, weights.Manifest{Family: "f", Name: "n"}, nil); err != nil {
		t.Fatal(err)
	}
	v := voucher{Sandbox: below, records: t.TempDir()}
	if _, err := v.Create(context.Background(), instance.Config{Bundle: bundle, Dir: dir}); err != nil || below.made != 1 {
		t.Fatalf("%d made, %v", below.made, err)
	}
	proof, err := os.ReadFile(filepath.Join(dir, weights.ProofName))
	if err != nil {
		t.Fatal(err)
	}
	b, err := weights.OpenBundle(context.Background(), bundle, weights.VerifyOptions{RecordDir: t.TempDir(), Known: string(proof)})
	if err != nil || b.Hashed {
		t.Errorf("the proof is not accepted: %+v, %v", b, err)
	}
	if err := os.WriteFile(filepath.Join(bundle, "w"), []byte("wEights"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Create(context.Background(), instance.Config{Bundle: bundle, Dir: dir}); err == nil || !strings.Contains(err.Error(), "/w is damaged: expected sha256:") || below.made != 1 {
		t.Errorf("a damaged bundle: %d made, %v", below.made, err)
	}
	if _, err := v.Create(context.Background(), instance.Config{Dir: dir}); err != nil || below.made != 2 {
		t.Errorf("without a bundle: %v", err)
	}
}
