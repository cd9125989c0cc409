package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

const model = "wan21-tiny"

// prepare makes bundle, image and manifest, each only when what it is made from has changed.
func (d *demo) prepare(ctx context.Context) error {
	bundle, image := filepath.Join(d.Data, "models", model), filepath.Join(d.Data, "images", "wan21")
	bin := filepath.Dir(d.exe)
	err := d.unlessDone(bundle, []string{d.Checkpoint, d.exe}, func() error {
		return d.step("building the model bundle", func() error {
			if err := os.RemoveAll(bundle); err != nil {
				return err
			}
			return d.command(ctx, "models", "build", d.Checkpoint, "-o", bundle)
		})
	})
	if err != nil {
		return err
	}
	err = d.unlessDone(image, []string{d.Image, filepath.Join(bin, "functions", "wan21")}, func() error {
		return d.step("building the function image", func() error {
			return d.command(ctx, "image", "build", d.Image, "-o", image)
		})
	})
	if err != nil {
		return err
	}
	return d.manifest(bundle, image, filepath.Join(bin, "functions", "wan21"))
}

// manifest writes functions/wan21/function.yaml for the server of the demo.
func (d *demo) manifest(bundle, image, program string) error {
	how := "image: " + strconv.Quote("oci:"+image)
	if d.Driver == "process" {
		how = "command: [" + strconv.Quote(program) + "]"
	}
	text := fmt.Sprintf("name: wan21\ndescription: Wan 2.1, the tiny demo checkpoint\n%s\nmodel: {name: wan21, bundle: %q}\nkeepAlive: 15m\ntimeout: 15m\nsnapshot: \"off\" # a plain start of this model is the faster one\n",
		how, bundle)
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
