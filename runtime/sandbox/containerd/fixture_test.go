package containerd

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// newDriver starts a driver with a private daemon and checks at the end that nothing of it is left.
func newDriver(t testing.TB, change ...func(*Options)) *Driver {
	t.Helper()
	need(t)
	o := Options{Data: t.TempDir(), Address: Private, Init: built.init, Log: slog.New(slog.NewTextHandler(testWriter{t}, nil))}
	for _, c := range change {
		c(&o)
	}
	d, err := New(testContext(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeClean(t, d) })
	return d
}

// closeClean removes what a failed test has left, and fails one that left something without failing.
func closeClean(t testing.TB, d *Driver) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	boxes, err := d.List(ctx)
	if err != nil {
		t.Errorf("list at the end: %v", err)
	}
	for _, b := range boxes {
		if !t.Failed() {
			t.Errorf("instance %s was left", b.ID())
		}
		if err := b.Remove(ctx); err != nil {
			t.Errorf("remove %s: %v", b.ID(), err)
		}
	}
	if left, err := leftovers(ctx, d); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := d.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := os.Stat(d.o.State); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", d.o.State, err)
	}
	if t.Failed() {
		if b, err := os.ReadFile(filepath.Join(d.o.Data, "containerd.log")); err == nil {
			t.Logf("containerd.log:\n%s", b)
		}
	}
}

// leftovers is what is still there after twenty seconds: the shims of containerd 1.6 end a while after their containers.
func leftovers(ctx context.Context, d *Driver) (left []string, err error) {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if left, err = d.Leftovers(ctx); err != nil || len(left) == 0 || time.Now().After(end) {
			return left, err
		}
	}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// file is one of an image.
type file struct {
	path string
	mode int64
	body []byte
	uid  int
	gid  int
}

func program(t testing.TB, path string) []byte {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// writeImage makes an OCI layout of some files and returns its reference.
func writeImage(t testing.TB, config v1.Config, files ...file) string {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.path, Mode: f.mode, Size: int64(len(f.body)), Uid: f.uid, Gid: f.gid, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	cf, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture, cf.Config = "linux", runtime.GOARCH, config
	if img, err = mutate.ConfigFile(img, cf); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if p, err := layout.Write(dir, empty.Index); err != nil {
		t.Fatal(err)
	} else if err := p.AppendImage(img, layout.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH})); err != nil {
		t.Fatal(err)
	}
	return "oci:" + dir
}

// echoImage is a static Go function and nothing else.
func echoImage(t testing.TB) string {
	return writeImage(t, v1.Config{Entrypoint: []string{"/var/runtime/bootstrap"}},
		file{path: "var/runtime/bootstrap", mode: 0o755, body: program(t, built.echo)})
}

var sequence atomic.Int64

// config makes an instance's folder and what it starts from.
func config(t testing.TB, f spec.Function) instance.Config {
	t.Helper()
	id := "t" + strings.ReplaceAll(time.Now().Format("150405.000000"), ".", "-") + "-" + string(rune('a'+sequence.Add(1)%26))
	dir := t.TempDir()
	g := wire.Config{
		InstanceID: id, Function: "f", Version: "$LATEST", ARN: "arn:aws:lambda:local:000000000000:function:f", MemoryMB: 128,
		TimeoutMs: 10000, InitTimeoutMs: 10000, EventsAtOnce: 1, RuntimeAPI: "127.0.0.1:9001", Env: f.Env,
	}
	if err := g.Save(dir); err != nil {
		t.Fatal(err)
	}
	if f.Name == "" {
		f.Name = "f"
	}
	return instance.Config{ID: id, Function: f, Dir: dir, Log: filepath.Join(t.TempDir(), "log"), Labels: map[string]string{"function": f.Name}}
}

// started is an instance that answers.
func started(t testing.TB, d *Driver, c instance.Config) instance.Box {
	t.Helper()
	ctx := testContext(t)
	b, err := d.Create(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(ctx); err != nil {
		t.Fatal(err)
	}
	return b
}

// invoke sends one event and returns the answer.
func invoke(t testing.TB, b instance.Box, event string) string {
	t.Helper()
	ctx := testContext(t)
	resp, err := client.Invoke(ctx, b.Dial, client.Call{
		Head:    wire.InvokeHead{ID: "8f5d5c1e-0000-4000-8000-000000000001", DeadlineMs: time.Now().Add(20 * time.Second).UnixMilli(), ARN: "arn"},
		Payload: []byte(event),
	})
	if err != nil {
		t.Fatalf("invoke: %v", err)
	}
	defer resp.Close()
	body, err := io.ReadAll(resp)
	if err != nil {
		t.Fatalf("invoke: %v", err)
	}
	return string(body)
}

func remove(t testing.TB, b instance.Box) {
	t.Helper()
	if err := b.Remove(testContext(t)); err != nil {
		t.Fatal(err)
	}
}
