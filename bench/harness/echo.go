package harness

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// Get reads the JSON of a path of the server's API.
func (s *Server) Get(ctx context.Context, path string, out any) error {
	return s.Call(ctx, http.MethodGet, path, nil, out)
}

// Call does one request of the server's API with JSON in (nil: none) and out (nil: dropped).
func (s *Server) Call(ctx context.Context, method, path string, in, out any) error {
	c, err := s.Client()
	if err != nil {
		return err
	}
	if err := c.Call(ctx, method, path, in, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// Client talks to the server as users do. What is timed goes through a Caller.
func (s *Server) Client() (*client.Client, error) { return client.New(client.Options{Server: s.URL}) }

// Driver is the sandbox driver that the server runs with.
func (s *Server) Driver(ctx context.Context) (string, error) {
	var v struct{ Driver string }
	return v.Driver, s.Get(ctx, "/api/v1/version", &v)
}

// Echo is the static Go function images/echo, in the form that a driver takes.
type Echo struct {
	program string
	layout  string // of its image; "" with the process driver
}

// Program is the function's binary.
func (e Echo) Program() string { return e.program }

// Layout is the folder of its image, "" with the process driver.
func (e Echo) Layout() string { return e.layout }

// BuildEcho compiles images/echo into dir, and assembles its image unless the server runs plain processes.
func (s *Server) BuildEcho(ctx context.Context, dir string) (Echo, error) {
	program, err := s.function(ctx, dir, "echo", "images/echo", "CGO_ENABLED=0")
	if err != nil {
		return Echo{}, err
	}
	driver, err := s.Driver(ctx)
	if err != nil || driver == "process" {
		return Echo{program: program}, err
	}
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/videosdgx/videosdgx").Output()
	if err != nil {
		return Echo{}, fmt.Errorf("find the checkout: %w", err)
	}
	if s.Bin == "" {
		if s.Bin, err = Build(ctx, dir); err != nil {
			return Echo{}, err
		}
	}
	layout := filepath.Join(dir, "echo-layout")
	folder := filepath.Join(strings.TrimSpace(string(root)), "images", "echo")
	return Echo{program: program, layout: layout}, command(ctx, nil, s.Bin, "image", "build", folder, "--bin", dir, "--output", layout)
}

// function puts a function's program into dir: the one that `make build` has put beside the server's binary when the
// caller named that, else a new one.
func (s *Server) function(ctx context.Context, dir, name, pkg string, env ...string) (string, error) {
	program := filepath.Join(dir, "functions", name)
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return "", err
	}
	if s.o.Binary != "" {
		if err := copyFile(filepath.Join(filepath.Dir(s.o.Binary), "functions", name), program); !os.IsNotExist(err) {
			return program, err
		}
	}
	return program, compile(ctx, env, program, pkg)
}

// Compile builds a static program of the checkout that holds the working directory.
func Compile(ctx context.Context, to, pkg string) error {
	return compile(ctx, []string{"CGO_ENABLED=0"}, to, pkg)
}

func compile(ctx context.Context, env []string, to, pkg string) error {
	return command(ctx, env, "go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", to, "github.com/videosdgx/videosdgx/"+pkg)
}

// copyFile copies a program.
func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}

func command(ctx context.Context, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// Deploy registers e under a name, with more fields of a manifest as set has them.
func (s *Server) Deploy(ctx context.Context, name string, e Echo, set map[string]any) error {
	return s.Call(ctx, http.MethodPut, "/api/v1/functions/"+name, e.Manifest(name, set), nil)
}

// Manifest describes e as a function.
func (e Echo) Manifest(name string, set map[string]any) map[string]any {
	manifest := map[string]any{"name": name, "snapshot": "off", "keepAlive": "15m"}
	if e.layout != "" {
		manifest["image"] = "oci:" + e.layout
	} else {
		manifest["command"] = []string{e.program}
	}
	maps.Copy(manifest, set)
	return manifest
}

// Undeploy removes a function and waits until nothing of it runs.
func (s *Server) Undeploy(ctx context.Context, name string) error {
	if err := s.Call(ctx, http.MethodDelete, "/api/v1/functions/"+name, nil, nil); err != nil {
		return err
	}
	return s.Await(ctx, name, func(all []Instance) bool { return len(all) == 0 })
}
