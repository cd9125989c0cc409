package cgroup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// SetFrozen stops what is in a group, or lets it go on, and returns when the kernel has done it. It writes to the group
// itself, a hundred times faster than running the OCI runtime for it.
func SetFrozen(ctx context.Context, cg string, frozen bool) error {
	file, value, reached := freezerFile(cg, frozen)
	if err := os.WriteFile(file, []byte(value), 0); err != nil {
		return fmt.Errorf("freezer of %s: %w", cg, err)
	}
	for wait := 50 * time.Microsecond; !reached(); wait = min(wait*2, 10*time.Millisecond) {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			_ = os.WriteFile(file, []byte(thawed(value)), 0)
			return fmt.Errorf("freezer of %s: %w", cg, context.Cause(ctx))
		}
	}
	return nil
}

// freezerFile says what to write where, and how to tell that the kernel has done it.
func freezerFile(cg string, frozen bool) (file, value string, reached func() bool) {
	if Unified() {
		dir, bit := Folder(cg, ""), map[bool]string{true: "1", false: "0"}[frozen]
		return filepath.Join(dir, "cgroup.freeze"), bit, func() bool {
			return Stats(filepath.Join(dir, "cgroup.events"))["frozen"] == int64(bit[0]-'0')
		}
	}
	file, value = filepath.Join(Folder(cg, "freezer"), "freezer.state"), map[bool]string{true: "FROZEN", false: "THAWED"}[frozen]
	return file, value, func() bool {
		b, err := os.ReadFile(file)
		return err != nil || strings.TrimSpace(string(b)) == value
	}
}

func thawed(value string) string {
	if value == "FROZEN" {
		return "THAWED"
	}
	return "0"
}
