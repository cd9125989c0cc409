package weights

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func put(t testing.TB, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func sample(t testing.TB) string {
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
	c, err := OpenCheckpoint(t.Context(), sample(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	net := c.Components["net"]
	var config struct{ Dim int }
	if err := json.Unmarshal(net.Config, &config); err != nil || config.Dim != 4 {
		t.Errorf("config %+v, %v", config, err)
	}
	if b, err := net.Float32("b"); err != nil || b[0] != 1 {
		t.Errorf("b is %v, %v", b, err)
	}
	if len(net.Names()) != 2 || c.Class != "P" || len(c.Components) != 2 {
		t.Errorf("%v %q %v", net.Names(), c.Class, c.Components)
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
		"truncated":               func(d string) { os.Truncate(filepath.Join(d, "net/m-1.safetensors"), 60) },
		"expected sha256:0000000": func(d string) { put(t, d, SumsName, strings.Repeat("0", 64)+"  net/m-1.safetensors\n") },
		"gone is missing":         func(d string) { put(t, d, SumsName, strings.Repeat("0", 64)+"  net/gone\n") },
		"not a line of sha256sum": func(d string) { put(t, d, SumsName, strings.Repeat("0", 64)+"  ../../etc/passwd\n") },
	} {
		dir := sample(t)
		harm(dir)
		c, err := OpenCheckpoint(t.Context(), dir)
		if err == nil {
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("want %q, got %v", why, err)
		}
	}
}

func TestDemoCheckpoint(t *testing.T) {
	c, err := OpenCheckpoint(t.Context(), "../../../images/demo/wan21-tiny")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, name := range []string{"transformer", "vae", "text_encoder"} {
		comp := c.Components[name]
		for _, n := range comp.Names() {
			if _, err := comp.Float32(n); err != nil {
				t.Error(err)
			}
		}
		t.Logf("%s: %d tensors in %d files", name, len(comp.Names()), len(comp.Files()))
	}
}

// A checkpoint of many gigabytes takes minutes to verify: an interrupt must not wait for that, nor a look at its tensors.
func TestVerificationEndsWithItsContext(t *testing.T) {
	dir := sample(t)
	put(t, dir, SumsName, strings.Repeat("0", 64)+"  net/config.json\n")
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("interrupted")
	cancel(why)
	if _, err := OpenCheckpoint(ctx, dir); !errors.Is(err, why) {
		t.Errorf("cancelled, got %v", err)
	}
	c, err := InspectCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// FuzzShardIndex opens any file as a shard index: what it names must lie in the folder and be readable.
func FuzzShardIndex(f *testing.F) {
	net := filepath.Join(sample(f), "net")
	for _, seed := range []string{
		`{"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}`, `{"weight_map":{"a":"../../x"}}`, `{"weight_map":{"a":"m-2.safetensors"}}`,
		`{"weight_map":{"a":""}}`, `{"weight_map":{"a":"config.json"}}`, `{"weight_map":{"a":"m.safetensors.index.json"}}`, `{}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		put(t, net, "m.safetensors.index.json", string(raw))
		s, err := OpenSet(net)
		if err != nil {
			return
		}
		defer s.Close()
		for _, file := range s.Files() {
			if filepath.Dir(file.Path()) != net {
				t.Fatalf("opened %s", file.Path())
			}
		}
		for _, name := range s.Names() {
			if _, err := s.Float32(name); err != nil {
				t.Fatalf("%s is listed: %v", name, err)
			}
		}
	})
}

// FuzzSums reads any file as SHA256SUMS: no line may lead out of the folder, and a digest that is not right is found.
func FuzzSums(f *testing.F) {
	dir := f.TempDir()
	put(f, dir, "a", "content")
	right := fmt.Sprintf("%x", sha256.Sum256([]byte("content")))
	f.Add(right + "  a\n")
	f.Add(right + "  ../a\n")
	f.Add(strings.Repeat("0", 64) + "  a\n")
	f.Add(right + "  /etc/passwd")
	f.Fuzz(func(t *testing.T, text string) {
		put(t, dir, SumsName, text)
		if VerifySums(t.Context(), dir) != nil {
			return
		}
		for line := range strings.Lines(text) {
			if sum, name, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "  "); sum != right || filepath.Clean(name) != "a" {
				t.Fatalf("accepted %q", line)
			}
		}
	})
}
