package harness

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
)

// Wan21 is the wan21 function, in the form that the server's driver takes.
type Wan21 struct {
	program, layout string // one of them is set
}

// BuildWan21 compiles the wan21 function into dir, and assembles its image, with the server's own init, unless the server
// runs plain processes. It must be called in the checkout's root.
func (s *Server) BuildWan21(ctx context.Context, dir string) (Wan21, error) {
	program, err := s.function(ctx, dir, "wan21", "functions/wan21/cmd/wan21")
	if err != nil {
		return Wan21{}, err
	}
	if err := BuildKernels(ctx, dir); err != nil {
		return Wan21{}, err
	}
	driver, err := s.Driver(ctx)
	if err != nil || driver == "process" {
		return Wan21{program: program}, err
	}
	if err := copyFile(filepath.Join(filepath.Dir(s.Bin), "videosdgx-init"), filepath.Join(dir, "videosdgx-init")); err != nil {
		return Wan21{}, err
	}
	layout := filepath.Join(dir, "wan21-layout")
	return Wan21{layout: layout}, s.command(ctx, "image", "build", "images/wan21", "--bin", dir, "--output", layout)
}

// BuildBundle turns a checkpoint into a bundle in out; with a size it is one of noise, of that many bytes in float32. Flags are more
// of the command's.
func (s *Server) BuildBundle(ctx context.Context, checkpoint, out, size string, flags ...string) error {
	if size == "" {
		return s.command(ctx, append([]string{"models", "build", checkpoint, "-o", out}, flags...)...)
	}
	return s.command(ctx, append([]string{"models", "random", checkpoint, "--size", size, "-o", out}, flags...)...)
}

// DeployModel registers w under a name with a bundle, with more fields of a manifest as set has them.
func (s *Server) DeployModel(ctx context.Context, name string, w Wan21, bundle string, set ...map[string]any) error {
	manifest := map[string]any{
		"name": name, "model": map[string]any{"name": name, "bundle": bundle}, "timeout": "15m", "keepAlive": "15m", "snapshot": "off",
	}
	if w.layout != "" {
		manifest["image"] = "oci:" + w.layout
	} else {
		manifest["command"] = []string{w.program}
	}
	for _, more := range set {
		maps.Copy(manifest, more)
	}
	return s.Call(ctx, http.MethodPut, "/api/v1/functions/"+name, manifest, nil)
}

// command runs one of videosdgx's own commands.
func (s *Server) command(ctx context.Context, args ...string) error {
	if s.Bin == "" {
		return fmt.Errorf("a bench that builds images or bundles starts its own server: leave -server out")
	}
	return command(ctx, nil, s.Bin, args...)
}
