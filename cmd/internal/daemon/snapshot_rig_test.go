package daemon

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

// world is a whole control plane on a containerd of its own, with CRIU, and the echo function's image.
type world struct {
	t             *testing.T
	began         time.Time
	data, image   string
	url, function string
	config        Config
	stop          func()
}

func newWorld(t *testing.T, prepare ...func(data string)) *world {
	t.Helper()
	needSnapshots(t)
	dir := t.TempDir()
	w := &world{t: t, began: time.Now(), data: filepath.Join(dir, "data"), function: "snap-" + fmt.Sprint(os.Getpid())}
	if err := os.Mkdir(w.data, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range prepare {
		p(w.data)
	}
	build(t, filepath.Join(dir, "videosdgx-init"), "./cmd/videosdgx-init")
	build(t, filepath.Join(dir, "echo"), "./images/echo")
	w.image = echoImage(t, filepath.Join(dir, "echo"))
	c := Default()
	c.Data, c.Init, c.Driver, c.Containerd, c.Listen = w.data, filepath.Join(dir, "videosdgx-init"), "containerd", containerd.Private, "127.0.0.1:0"
	w.start(c.WithDefaults())
	t.Cleanup(func() { w.stop(); w.nothingLeft(w.config) })
	return w
}

// needSnapshots fails where containerd and CRIU are asked for and missing, and skips where they are not asked for.
func needSnapshots(t *testing.T) {
	t.Helper()
	asked := os.Getenv("VIDEOSDGX_TEST_CONTAINERD") == "1" && os.Getenv("VIDEOSDGX_TEST_CRIU") == "1"
	why := ""
	if os.Geteuid() != 0 {
		why = "it needs root"
	}
	for _, p := range containerd.Probe(t.Context(), containerd.Options{Data: t.TempDir()}) {
		if p.Fault != "" && (p.Needed || p.Name == "criu") {
			why = p.Fault
		}
	}
	switch {
	case asked && why != "":
		t.Fatalf("VIDEOSDGX_TEST_CONTAINERD=1 and VIDEOSDGX_TEST_CRIU=1, but %s", why)
	case !asked:
		t.Skip("NOT TESTED: snapshots end to end (set VIDEOSDGX_TEST_CONTAINERD=1 and VIDEOSDGX_TEST_CRIU=1)")
	}
}

func build(t *testing.T, out, pkg string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-o", out, pkg)
	cmd.Dir, cmd.Env = "../../..", append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, said)
	}
}

// echoImage is an OCI layout of one program.
func echoImage(t *testing.T, program string) string {
	t.Helper()
	body, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	must(t, tw.WriteHeader(&tar.Header{Name: "var/runtime/bootstrap", Mode: 0o755, Size: int64(len(body))}))
	_, err = tw.Write(body)
	must(t, err)
	must(t, tw.Close())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	must(t, err)
	img, err := mutate.AppendLayers(empty.Image, layer)
	must(t, err)
	cf, err := img.ConfigFile()
	must(t, err)
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture, cf.Config = "linux", runtime.GOARCH, v1.Config{Entrypoint: []string{"/var/runtime/bootstrap"}}
	img, err = mutate.ConfigFile(img, cf)
	must(t, err)
	dir := t.TempDir()
	p, err := layout.Write(dir, empty.Index)
	must(t, err)
	must(t, p.AppendImage(img, layout.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH})))
	return "oci:" + dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) start(c Config) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	listening, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- Run(ctx, c, testLog{w.t}, nil, func(url string) { listening <- strings.TrimPrefix(url, "http://") })
	}()
	select {
	case addr := <-listening:
		w.url = "http://" + addr
	case err := <-ended:
		cancel()
		w.t.Fatalf("the control plane did not start: %v", err)
	}
	w.config = c
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("stop: %v", err)
		}
	})
}

func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.start(w.config)
}

// nothingLeft looks as the next control plane would.
func (w *world) nothingLeft(c Config) {
	log := slog.New(slog.NewTextHandler(testLog{w.t}, nil))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	d, err := containerd.New(ctx, containerd.Options{Data: filepath.Join(c.Data, "containerd"), Address: containerd.Private, Init: c.Init, Log: log})
	if err != nil {
		w.t.Error(err)
		return
	}
	boxes, err := d.List(ctx)
	left, err2 := d.Leftovers(ctx)
	if len(boxes) > 0 || len(left) > 0 || err != nil || err2 != nil {
		w.t.Errorf("left behind: %d instances, %v (%v, %v)", len(boxes), left, err, err2)
	}
	if err := d.Close(); err != nil {
		w.t.Error(err)
	}
	if half, _ := filepath.Glob(filepath.Join(c.Data, "snapshots", "tmp-*")); len(half) > 0 {
		w.t.Errorf("half-made snapshots: %v", half)
	}
}

type testLog struct{ t *testing.T }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// call does one request of the API and gives its status.
func (w *world) call(method, path, body string, out any) (int, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	must(w.t, err)
	resp, err := http.DefaultClient.Do(req)
	must(w.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(w.t, err)
	if out != nil && resp.StatusCode == http.StatusOK {
		must(w.t, json.Unmarshal(b, out))
	}
	return resp.StatusCode, string(b)
}

// deploy registers the function; more are further fields of its manifest, as JSON.
func (w *world) deploy(more string) {
	w.t.Helper()
	for field, value := range map[string]string{"snapshot": `"always"`, "snapshotEvent": `"\"proof\""`} {
		if !strings.Contains(more, `"`+field+`":`) {
			more += fmt.Sprintf(`,%q:%s`, field, value)
		}
	}
	manifest := fmt.Sprintf(`{"name":%q,"image":%q,"snapshotOn":"publish","keepAlive":"15m"%s}`, w.function, w.image, more)
	if code, body := w.call(http.MethodPut, "/api/v1/functions/"+w.function, manifest, nil); code/100 != 2 {
		w.t.Fatalf("deploy: %d %s", code, body)
	}
}

func (w *world) snapshot() (r catalog.Record) {
	w.t.Helper()
	if code, body := w.call(http.MethodPost, "/api/v1/functions/"+w.function+"/snapshots", "", &r); code != http.StatusOK {
		w.t.Fatalf("snapshot: %d %s", code, body)
	}
	return r
}

// answers invokes the function, and says by what its instance came up.
func (w *world) answers(event string) (by string) {
	w.t.Helper()
	if code, body := w.call(http.MethodPost, "/2015-03-31/functions/"+w.function+"/invocations", event, nil); code != http.StatusOK || body != event {
		w.t.Fatalf("answer: %d %s", code, body)
	}
	for _, i := range w.instances() {
		by = i.StartedBy
	}
	return by
}

func (w *world) instances() []spec.InstanceStatus {
	w.t.Helper()
	var out struct{ Instances []spec.InstanceStatus }
	if code, body := w.call(http.MethodGet, "/api/v1/instances?function="+w.function, "", &out); code != http.StatusOK {
		w.t.Fatalf("instances: %d %s", code, body)
	}
	return out.Instances
}

// cold ends the function's instances and waits until they are gone.
func (w *world) cold() {
	w.t.Helper()
	for all := w.instances(); len(all) > 0; all = w.instances() {
		for _, i := range all {
			w.call(http.MethodDelete, "/api/v1/instances/"+i.ID, "", nil) // one that is ending refuses
		}
		time.Sleep(5 * time.Millisecond) // the API has nothing to wait on
	}
}

// quarantined gives the reason of the one that was set aside last.
func (w *world) quarantined(id string) string {
	w.t.Helper()
	var out struct{ Snapshots []catalog.Record }
	w.call(http.MethodGet, "/api/v1/snapshots", "", &out)
	for _, r := range out.Snapshots {
		if r.ID == id && r.State == catalog.Quarantined {
			return r.Reason
		}
	}
	return ""
}
