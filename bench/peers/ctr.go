package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// ctr starts the same image with containerd's own client, on the containerd of our server: from its start to the answer
// of the function, which finds our runtimeAPI through the host's network.
func (b *bench) ctr(ctx context.Context) (*contender, error) {
	socket, found := b.server.Containerd()
	tool, err := exec.LookPath("ctr")
	if err != nil || !found || b.echo.Layout() == "" {
		b.report.Note("ctr: left out, it needs root, containerd and ctr on the PATH")
		return nil, nil
	}
	archive := filepath.Join(b.dir, "echo.tar")
	if out, err := exec.CommandContext(ctx, "tar", "-C", b.echo.Layout(), "-cf", archive, ".").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("tar: %w: %s", err, out)
	}
	const image = "docker.io/videosdgx/peer:latest"
	args := func(more ...string) []string { return append([]string{"-a", socket, "-n", "peers"}, more...) }
	if out, err := exec.CommandContext(ctx, tool, args("images", "import", "--index-name", image, archive)...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("import the image: %w: %s", err, out)
	}
	n := 0
	return &contender{coldName: "ctr_cold", cold: func(ctx context.Context) (time.Duration, error) {
		n++
		return b.ctrOnce(ctx, tool, args, image, fmt.Sprintf("peer-%d-%d", os.Getpid(), n))
	}}, nil
}

func (b *bench) ctrOnce(ctx context.Context, tool string, args func(...string) []string, image, id string) (time.Duration, error) {
	begin := time.Now()
	cmd := exec.CommandContext(ctx, tool, args("run", "--rm", "--net-host", "--env", "AWS_LAMBDA_RUNTIME_API="+b.runtime.addr, image, id)...)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	err := b.runtime.invoke(ctx, "{}")
	took := time.Since(begin)
	exec.Command(tool, args("tasks", "kill", "-s", "SIGKILL", id)...).Run() // --rm does the rest
	cmd.Wait()
	return took, err
}
