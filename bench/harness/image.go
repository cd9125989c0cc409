package harness

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// padded is the echo function's recipe with one more layer.
const padded = `name: videosdgx/echo-%s:latest
user: "65534:65534"
entrypoint: [/var/runtime/bootstrap]
workDir: /var/task
layers:
  - base: true
  - files:
      - {from: "bin:functions/echo", to: /var/runtime/bootstrap}
  - files:
      - {from: padding, to: /opt/padding}
`

// Pad assembles e's image with a file of the given size besides, of noise that does not compress.
func (s *Server) Pad(ctx context.Context, e Echo, dir, size string) (Echo, error) {
	bytes, err := ParseSize(size)
	if err != nil {
		return Echo{}, err
	}
	folder := filepath.Join(dir, "padded-"+size)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return Echo{}, err
	}
	if err := os.WriteFile(filepath.Join(folder, "image.yaml"), fmt.Appendf(nil, padded, ShortSize(size)), 0o644); err != nil {
		return Echo{}, err
	}
	if err := noise(filepath.Join(folder, "padding"), bytes); err != nil {
		return Echo{}, err
	}
	layout := filepath.Join(folder, "layout")
	return Echo{program: e.program, layout: layout}, s.command(ctx, "image", "build", folder, "--bin", dir, "--output", layout)
}

func noise(path string, bytes int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{1}), bytes); err != nil {
		return err
	}
	return f.Close()
}
