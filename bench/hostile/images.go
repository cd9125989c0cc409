package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// An image is somebody else's: what it claims, and what it makes of the disk, is bounded.
func init() {
	for name, l := range map[string]bentLayout{
		"one layer 3000 times":         {times: 3000},
		"one layer 500 times":          {times: 500},
		"a layer of another size":      {size: func(int64) int64 { return 7 }},
		"a layer of negative size":     {size: func(int64) int64 { return -1 }},
		"a layer of an exabyte":        {size: func(int64) int64 { return 1 << 60 }},
		"fewer layers than its config": {times: 2, diffs: 3},
		"more layers than its config":  {times: 3, diffs: 1},
		"a pipe in place of a layer":   {spoil: func(blob string) error { return replaced(blob, func() error { return syscall.Mkfifo(blob, 0o644) }) }},
		"a link in place of a layer": {spoil: func(blob string) error {
			return replaced(blob, func() error { return os.Symlink("/etc/shadow", blob) })
		}},
		"a device in place of a layer":  {spoil: func(blob string) error { return replaced(blob, func() error { return os.Symlink("/dev/zero", blob) }) }},
		"other bytes in place of those": {spoil: func(blob string) error { return os.WriteFile(blob, bytes.Repeat([]byte("x"), 3072), 0o644) }},
		"a file of an exabyte":          {claim: 1 << 60},
	} {
		add("images", name, func(ctx context.Context, s *scene) error { return s.bent(ctx, l) })
	}
	for _, ref := range []string{"oci:/dev/zero", "oci:/proc/kcore", "oci:/", "oci:/etc/shadow"} {
		add("images", ref, func(ctx context.Context, s *scene) error { return s.noImage(ctx, ref) })
	}
}

func replaced(path string, by func() error) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return by()
}

// bentLayout is an image layout in which something is not as it says.
type bentLayout struct {
	times, diffs int
	size         func(int64) int64
	spoil        func(blob string) error
	claim        int64 // size of a file of the layer, which has none of its bytes
}

func (l bentLayout) write(dir string) error {
	blobs := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return err
	}
	put := func(b []byte) (string, error) {
		sum := sha256.Sum256(b)
		name := hex.EncodeToString(sum[:])
		return name, os.WriteFile(filepath.Join(blobs, name), b, 0o644)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	_ = w.WriteHeader(&tar.Header{Name: "f", Mode: 0o644, Size: max(l.claim, 1024)})
	_, _ = w.Write(make([]byte, 1024))
	_ = w.Close()
	name, err := put(layer.Bytes())
	if err != nil {
		return err
	}
	size := int64(layer.Len())
	if l.size != nil {
		size = l.size(size)
	}
	descriptor := func(kind, name string, size int64) map[string]any {
		return map[string]any{"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + name, "size": size}
	}
	var layers, diffs []any
	for range max(l.times, 1) {
		layers = append(layers, descriptor("layer.v1.tar", name, size))
	}
	for range max(l.diffs, l.times, 1) {
		diffs = append(diffs, "sha256:"+name)
	}
	if l.diffs > 0 {
		diffs = diffs[:l.diffs]
	}
	config, _ := json.Marshal(map[string]any{"os": "linux", "architecture": runtime.GOARCH, "config": map[string]any{"Cmd": []string{"/f"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffs}})
	configName, err := put(config)
	if err != nil {
		return err
	}
	manifest, _ := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": descriptor("config.v1+json", configName, int64(len(config))), "layers": layers})
	manifestName, err := put(manifest)
	if err != nil {
		return err
	}
	index, _ := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []any{descriptor("manifest.v1+json", manifestName, int64(len(manifest)))}})
	if err := os.WriteFile(filepath.Join(dir, "index.json"), index, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644); err != nil {
		return err
	}
	if l.spoil != nil {
		return l.spoil(filepath.Join(blobs, name))
	}
	return nil
}

func (s *scene) bent(ctx context.Context, l bentLayout) error {
	dir, err := os.MkdirTemp(s.dir, "layout-")
	if err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if err := l.write(dir); err != nil {
		return err
	}
	return s.noImage(ctx, "oci:"+dir)
}

// most is what a refused image may leave on the disk, in bytes, and how long its refusal may take.
const (
	most     = 64 << 20
	soon     = 20 * time.Second
	imagined = "imagined"
)

// noImage wants the deploy or the first invocation to fail soon, with the disk as it was.
func (s *scene) noImage(ctx context.Context, ref string) error {
	if s.driver != "containerd" {
		return elsewhere("needs containerd: run it with -driver containerd")
	}
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	before := s.free()
	err := s.put(ctx, map[string]any{"name": imagined, "image": ref, "snapshot": "off"})
	if err == nil {
		defer func() { _ = s.Undeploy(context.WithoutCancel(ctx), imagined) }()
		err = s.Call(ctx, "POST", "/2015-03-31/functions/"+imagined+"/invocations", map[string]any{}, nil)
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("the server still works on it after %s", soon)
	case err == nil:
		return fmt.Errorf("the function runs")
	case before-s.free() > most:
		return fmt.Errorf("it takes %d MB of the disk", (before-s.free())>>20)
	}
	return nil
}

func (s *scene) free() int64 {
	var st syscall.Statfs_t
	if err := syscall.Statfs(s.Data, &st); err != nil {
		return 0
	}
	return int64(st.Bavail) * st.Bsize
}
