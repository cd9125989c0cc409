package weights

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func sample(t *testing.T) string {
	dir := t.TempDir()
	put(t, dir, "model_index.json", `{"_class_name":"P","_diffusers_version":"1","net":["diffusers","Net"],"tok":["transformers","T"],"gone":[null,null],"ratio":0.5}`)
	put(t, dir, "net/config.json", `{"dim":4}`)
	put(t, dir, "net/m.safetensors.index.json", `{"metadata":{},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}`)
	put(t, dir, "tok/tokenizer.json", `{}`)
	for i, n := range []string{"a", "b"} {
		path := filepath.Join(dir, "net", []string{"m-1.safetensors", "m-2.safetensors"}[i])
		if err := Write(path, []Tensor{Float32Tensor(n, []int64{1}, []float32{float32(i)})}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestShardedCheckpoint(t *testing.T) {
	c, err := OpenCheckpoint(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	net, err := c.Component("net")
	if err != nil {
		t.Fatal(err)
	}
	var config struct{ Dim int }
	if err := net.Decode(&config); err != nil || config.Dim != 4 {
		t.Errorf("config %+v, %v", config, err)
	}
	if b, err := net.Float32("b"); err != nil || b[0] != 1 {
		t.Errorf("b is %v, %v", b, err)
	}
	if len(net.Names()) != 2 || c.Class != "P" || len(c.Components) != 2 {
		t.Errorf("%v %q %v", net.Names(), c.Class, c.Components)
	}
	if _, err := c.Component("gone"); !errdefs.IsNotFound(err) {
		t.Errorf("an absent component gives %v", err)
	}
}

func TestCheckpointFaults(t *testing.T) {
	for why, harm := range map[string]func(dir string){
		"m-2.safetensors":         func(d string) { os.Remove(filepath.Join(d, "net/m-2.safetensors")) },
		"promises it here":        func(d string) { put(t, d, "net/m.safetensors.index.json", `{"weight_map":{"z":"m-1.safetensors"}}`) },
		"is no file name":         func(d string) { put(t, d, "net/m.safetensors.index.json", `{"weight_map":{"a":"../x"}}`) },
		"no weight_map":           func(d string) { put(t, d, "net/m.safetensors.index.json", `{}`) },
		"several weights":         func(d string) { os.Remove(filepath.Join(d, "net/m.safetensors.index.json")) },
		"no model_index.json":     func(d string) { os.Remove(filepath.Join(d, "model_index.json")) },
		"config.json: not valid":  func(d string) { put(t, d, "net/config.json", `{`) },
		"truncated":               func(d string) { os.Truncate(filepath.Join(d, "net/m-1.safetensors"), 70) },
		"expected sha256:0000000": func(d string) { put(t, d, SumsName, strings.Repeat("0", 64)+"  net/m-1.safetensors\n") },
		"not a line of sha256sum": func(d string) { put(t, d, SumsName, strings.Repeat("0", 64)+"  ../../etc/passwd\n") },
	} {
		dir := sample(t)
		harm(dir)
		c, err := OpenCheckpoint(dir)
		if err == nil {
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("want %q, got %v", why, err)
		}
	}
}

func TestDemoCheckpoint(t *testing.T) {
	c, err := OpenCheckpoint("../../../images/demo/wan21-tiny")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, name := range []string{"transformer", "vae", "text_encoder"} {
		comp, err := c.Component(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range comp.Names() {
			if _, err := comp.Float32(n); err != nil {
				t.Error(err)
			}
		}
		t.Logf("%s: %d tensors in %d files", name, len(comp.Names()), len(comp.Files()))
	}
}
