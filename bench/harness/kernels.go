package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// BuildKernels builds the library of the functions' own operators into dir/lib, where a function in dir/functions finds it
// and an image takes it from.
func BuildKernels(ctx context.Context, dir string) error {
	path, err := filepath.Abs(filepath.Join(dir, "lib", "libvideosdgx_kernels.so"))
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "make", "-s", "kernels", "KERNELS="+path).CombinedOutput(); err != nil {
		return fmt.Errorf("make kernels: %w\n%s", err, out)
	}
	return nil
}

// kernelsEnv names the library to programs that lie elsewhere.
const kernelsEnv = "VIDEOSDGX_KERNELS_LIB"

// UseKernels has this process find the library, in bin/lib of the checkout unless the environment names another one. For
// programs that run models themselves.
func UseKernels(ctx context.Context) error {
	if os.Getenv(kernelsEnv) != "" {
		return nil
	}
	if err := BuildKernels(ctx, "bin"); err != nil {
		return err
	}
	path, err := filepath.Abs("bin/lib/libvideosdgx_kernels.so")
	if err != nil {
		return err
	}
	return os.Setenv(kernelsEnv, path)
}
