package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
)

const model = "wan21-tiny"

// prepare makes the bundle, when what it is made from has changed.
func (d *demo) prepare(ctx context.Context) error {
	return d.unlessDone(d.bundle(), []string{d.Checkpoint, d.exe}, func() error {
		return d.step("building the model bundle", func() error {
			return d.command(ctx, "models", "build", d.Checkpoint, "-o", d.bundle())
		})
	})
}

// deploy makes the function known to the server, in the form that its driver takes: an image, which is built when its
// inputs have changed, or the program itself.
func (d *demo) deploy(ctx context.Context, s *server) (driver string, err error) {
	var v struct{ Driver string }
	if err := s.client.Call(ctx, http.MethodGet, "/api/v1/version", nil, &v); err != nil {
		return "", err
	}
	program := filepath.Join(filepath.Dir(d.exe), "functions", "wan21")
	how := "command: [" + strconv.Quote(program) + "]"
	if v.Driver != "process" {
		image := filepath.Join(d.Data, "images", "wan21")
		err := d.unlessDone(image, []string{d.Image, program}, func() error {
			return d.step("building the function image", func() error {
				return d.command(ctx, "image", "build", d.Image, "-o", image)
			})
		})
		if err != nil {
			return "", err
		}
		how = "image: " + strconv.Quote("oci:"+image)
	}
	if err := d.manifest(how); err != nil {
		return "", err
	}
	return v.Driver, s.await(ctx, "wan21")
}

func (d *demo) bundle() string { return filepath.Join(d.Data, "models", model) }

// manifest writes functions/wan21/function.yaml, which the server picks up.
func (d *demo) manifest(how string) error {
	text := fmt.Sprintf("name: wan21\ndescription: Wan 2.1, the tiny demo checkpoint\n%s\nmodel: {name: wan21, bundle: %q}\n"+
		"keepAlive: 15m\ntimeout: 15m\nsnapshot: \"off\" # a plain start of this model is the faster one\n", how, d.bundle())
	dir := filepath.Join(d.Data, "functions", "wan21")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "function.yaml"), []byte(text), 0o644)
}

// unlessDone calls f when result is missing or was made from other inputs than these, and remembers the inputs after.
func (d *demo) unlessDone(result string, inputs []string, f func() error) error {
	sum, err := digest(inputs)
	if err != nil {
		return err
	}
	stamp := result + ".made-from"
	if old, err := os.ReadFile(stamp); err == nil && string(old) == sum {
		if _, err := os.Stat(result); err == nil {
			return nil
		}
	}
	if err := os.MkdirAll(filepath.Dir(result), 0o755); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return os.WriteFile(stamp, []byte(sum), 0o644)
}

// digest covers the names and contents of files and of everything below folders.
func digest(paths []string) (string, error) {
	h := sha256.New()
	for _, p := range paths {
		err := filepath.WalkDir(p, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			fmt.Fprintln(h, path)
			_, err = io.Copy(h, f)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("the demo needs %s (run make demo from the repository's root): %w", p, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
