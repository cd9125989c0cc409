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

// prepare makes a clip's bundle, when what it is made from has changed.
func (d *demo) prepare(ctx context.Context, c Clip) error {
	return d.unlessDone(d.bundle(c), []string{c.Checkpoint, d.exe}, func() error {
		return d.step("building the model bundle of "+c.Function, func() error {
			return d.command(ctx, "models", "build", c.Checkpoint, "-o", d.bundle(c))
		})
	})
}

// deploy makes a clip's function known to the server, in the form that its driver takes: an image, which is built when its
// inputs have changed, or the program itself.
func (d *demo) deploy(ctx context.Context, s *server, c Clip) (driver string, err error) {
	var v struct{ Driver string }
	if err := s.client.Call(ctx, http.MethodGet, "/api/v1/version", nil, &v); err != nil {
		return "", err
	}
	program := filepath.Join(filepath.Dir(d.exe), "functions", c.Function)
	how := "command: [" + strconv.Quote(program) + "]"
	if v.Driver != "process" {
		image := filepath.Join(d.Data, "images", c.Function)
		err := d.unlessDone(image, []string{c.Image, program}, func() error {
			return d.step("building the image of "+c.Function, func() error {
				return d.command(ctx, "image", "build", c.Image, "-o", image)
			})
		})
		if err != nil {
			return "", err
		}
		how = "image: " + strconv.Quote("oci:"+image)
	}
	if err := d.manifest(c, how); err != nil {
		return "", err
	}
	return v.Driver, s.await(ctx, c.Function)
}

func (d *demo) bundle(c Clip) string {
	return filepath.Join(d.Data, "models", filepath.Base(c.Checkpoint))
}

// manifest writes functions/NAME/function.yaml, which the server picks up.
func (d *demo) manifest(c Clip, how string) error {
	text := fmt.Sprintf("name: %s\ndescription: %s, the tiny demo checkpoint\n%s\nmodel: {name: %s, bundle: %q}\n"+
		"keepAlive: 15m\ntimeout: 15m\nsnapshot: \"off\" # a plain start of this model is the faster one\n", c.Function, c.Function, how, c.Function, d.bundle(c))
	dir := filepath.Join(d.Data, "functions", c.Function)
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
