package ui_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/auth/keys"
	"github.com/videosdgx/videosdgx/runtime/device"
	"github.com/videosdgx/videosdgx/runtime/experiments"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/admin"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/gateway/rest"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/tasks"
	"github.com/videosdgx/videosdgx/runtime/ui"
)

// aSchema is what a model of no particular name may publish: a bit of everything.
const aSchema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","required":["prompt"],"additionalProperties":false,"properties":{
 "prompt":{"type":"string","minLength":1,"pattern":"\\S","x-maxBytes":8192,"description":"Say what the clip shall show"},
 "negative_prompt":{"type":"string","x-maxBytes":8192,"default":"","description":"Say what the clip must not show"},
 "image":{"type":"string","x-file":{"types":["image/png","image/jpeg"],"maxBytes":16777216},"description":"The picture that the clip starts from"},
 "last_image":{"type":"string","x-file":{"types":["image/png","image/jpeg"],"maxBytes":16777216},"description":"The picture that the clip ends with"},
 "width":{"type":"integer","minimum":16,"maximum":1280,"multipleOf":16,"default":832},
 "height":{"type":"integer","minimum":16,"maximum":1280,"multipleOf":16,"default":480},
 "num_frames":{"type":"integer","minimum":1,"maximum":81,"x-step":4,"default":33},
 "fps":{"type":"number","minimum":1,"maximum":120,"default":16},
 "num_inference_steps":{"type":"integer","minimum":1,"maximum":100,"default":20},
 "guidance_scale":{"type":"number","minimum":0,"maximum":20,"default":5},
 "sampler":{"type":"string","enum":["unipc","euler"],"default":"unipc","description":"How the steps are taken"},
 "loras":{"type":"array","maxItems":4,"default":[],"items":{"type":"object","required":["name"],"additionalProperties":false,"properties":{"name":{"type":"string","minLength":1,"maxLength":128},"scale":{"type":"number","minimum":0,"maximum":2,"default":1}}}},
 "seed":{"type":"integer","minimum":0,"maximum":9007199254740991,"x-default":"random"},
 "preview":{"type":"boolean","default":false}}}`

// rig is a server with the page, a queue and a model that does as the test says.
type rig struct {
	t       testing.TB
	url     string
	jobs    *jobs.Service
	store   *sqlite.Store
	catalog *gatewaytest.Catalog
	fleet   *fleet
	next    chan step // what a running job does next; closed: all at once
	calls   *jobstest.Runner
	trials  *experiments.Store
	release func() // lets a task end
	dir     string
	o       rigOptions
	tasks   *tasks.Runner
	keys    *keys.Store
	front   atomic.Pointer[http.Handler] // nil: the server is down
	cut     func()                       // ends every connection
	routes  chan string
}

// route takes note of where an alias is pointed.
func (r *rig) route(_ context.Context, function, alias, one, other string, share float64) error {
	r.routes <- fmt.Sprintf("%s:%s=%s,%s,%v", function, alias, one, other, share)
	return nil
}

// painterIsLeft looks behind the curtain of a pair.
func (r *rig) painterIsLeft(pair string) bool {
	e, err := r.trials.Get("kites")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, p := range e.Pairs {
		if p.ID == pair {
			return e.Arms[p.Left()].Model == "painter"
		}
	}
	r.t.Fatalf("no pair %s", pair)
	return false
}

// step is a sign to the running job.
type step struct {
	progress spec.Progress
	finish   bool
	chunks   int // answer with a stream, of which this many chunks leave now
	fail     string
}

type option func(*rigOptions)

type rigOptions struct {
	wrap    []func(http.Handler) http.Handler
	instant bool
	routes  []gateway.Routes
	store   func(*sqlite.Store)
	vary    func(i int, j *jobs.Job)
	outputs string
	loras   []string
	before  func(dir string) // the first start
	secret  *string          // gets a key, without which the server answers nobody
}

// instant makes jobs end as soon as they run.
func instant(o *rigOptions) { o.instant = true }

func newRig(t testing.TB, opts ...option) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), next: make(chan step, 100), routes: make(chan string, 100), catalog: &gatewaytest.Catalog{}}
	r.o = rigOptions{loras: []string{"film-grain", "watercolour"}, outputs: filepath.Join(r.dir, "outputs")}
	for _, f := range opts {
		f(&r.o)
	}
	if err := os.MkdirAll(r.o.outputs, 0o700); err != nil {
		t.Fatal(err)
	}
	r.fleet = &fleet{catalog: r.catalog}
	if r.o.instant {
		close(r.next)
	}
	r.calls, r.tasks = &jobstest.Runner{Script: r.script}, r.worker(r.dir)
	for _, name := range []string{"painter", "sketcher"} {
		if _, err := r.catalog.Put(t.Context(), spec.Function{Name: name, Image: "oci:" + name, Description: "Makes clips",
			Model: &spec.Model{Name: name, Bundle: "/models/" + name}, Limits: spec.Limits{Memory: 8 << 30}}); err != nil {
			t.Fatal(err)
		}
	}
	if r.o.before != nil {
		r.o.before(r.dir)
	}
	r.boot()
	main := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		h := r.front.Load()
		if h == nil {
			panic(http.ErrAbortHandler)
		}
		(*h).ServeHTTP(w, req)
	}))
	r.url, r.cut = main.URL, main.CloseClientConnections
	t.Cleanup(func() {
		r.halt()
		main.Close()
	})
	return r
}

// boot starts a server on what the rig's folder holds.
func (r *rig) boot() {
	r.t.Helper()
	fail := func(err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatal(err)
		}
	}
	ctx := context.WithoutCancel(r.t.Context())
	var err error
	r.store, err = sqlite.Open(ctx, filepath.Join(r.dir, "jobs.db"))
	fail(err)
	if r.o.store != nil {
		r.o.store(r.store)
		r.o.store = nil
	}
	models := &jobs.Catalog{Functions: r.catalog, Observer: r.fleet, Bundle: func(context.Context, spec.Function) ([]byte, []byte) {
		return []byte(`{"name":"painter","bytes":3200000000}`), []byte(aSchema)
	}}
	r.jobs, err = jobs.New(jobs.Config{Outputs: r.o.outputs, MinFree: 1, Retry: jobs.Backoff{Base: time.Millisecond, Max: time.Millisecond}},
		jobs.Deps{Store: r.store, Runner: r.calls, Models: models, Log: slog.New(slog.DiscardHandler)})
	fail(err)
	fail(r.jobs.Start(ctx))
	r.trials, err = experiments.Open(filepath.Join(r.dir, "experiments"))
	fail(err)
	api := rest.New(rest.Options{Jobs: r.jobs, Models: models, Version: "test", Experiments: r.trials, Similar: 0.95, LoRAs: func() []string { return r.o.loras }, Route: r.route})
	routes := append([]gateway.Routes{ui.Page{}, api, admin.New(admin.Options{Functions: r.catalog, Instances: r.fleet, Version: admin.Version{Version: "1.4"}, Machine: aMachine, Tasks: r.tasks})}, r.o.routes...)
	routes, ask := r.guard(routes)
	h := gateway.New(gateway.Options{Routes: routes, Wrap: append(slices.Clone(r.o.wrap), ask)}).Handler()
	r.front.Store(&h)
}

// halt ends the server: who asks finds nobody.
func (r *rig) halt() {
	r.t.Helper()
	if r.front.Swap(nil) == nil {
		return
	}
	r.cut()
	if err := r.jobs.Stop(context.Background()); err != nil {
		r.t.Error(err)
	}
	if err := r.store.Close(); err != nil {
		r.t.Error(err)
	}
}

// script plays the steps that the test sends, and ends with a clip.
func (r *rig) script(ctx context.Context, c jobstest.Call) (*spec.Result, error) {
	if c.Event.RawPath == "/embed" {
		return vectors(c.Event.Body)
	}
	for {
		select {
		case s, open := <-r.next:
			switch {
			case s.fail != "":
				return jobstest.Stream(422, "application/problem+json", []byte(`{"detail":`+quoted(s.fail)+`}`)), nil
			case s.chunks > 0:
				return r.reel(ctx, s.chunks), nil
			case s.finish || !open:
				res := jobstest.Stream(200, "video/mp4", aClip(r.t, c.Request.Prompt+c.Function))
				res.Phases = spec.Phases{Cold: true, Create: 40 * time.Millisecond, Start: 310 * time.Millisecond, Init: 1200 * time.Millisecond}
				return res, nil
			}
			c.Progress(s.progress)
		case <-ctx.Done():
			return nil, fmt.Errorf("the invocation was cancelled: %w", ctx.Err())
		}
	}
}

// vectors gives prompts as how often each letter is in them: a text encoder of sorts.
func vectors(body string) (*spec.Result, error) {
	var ask struct{ Prompts []string }
	if err := json.Unmarshal([]byte(body), &ask); err != nil {
		return nil, err
	}
	var all [][]byte
	for _, text := range ask.Prompts {
		var v [27]float64
		sum := 0.0
		for _, r := range strings.ToLower(text) {
			i := 26
			if r >= 'a' && r <= 'z' {
				i = int(r - 'a')
			}
			sum += 2*v[i] + 1
			v[i]++
		}
		var b []byte
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x/math.Sqrt(sum))))
		}
		all = append(all, b)
	}
	b, err := json.Marshal(map[string]any{"vectors": all})
	return jobstest.Stream(200, "application/json", b), err
}

// reel is an answer that streams: the first chunks at once, the others and the clip when the next step says finish.
func (r *rig) reel(ctx context.Context, n int) *spec.Result {
	head, chunks := aStream(r.t)
	out, in := io.Pipe()
	part := func(name string, seconds float64, b []byte, end string) {
		fmt.Fprintf(in, "Content-Disposition: attachment; name=%q\r\nContent-Type: video/mp4\r\nX-Videosdgx-Seconds: %g\r\n\r\n%s\r\n--b%s", name, seconds, b, end)
	}
	go func() {
		fmt.Fprint(in, "--b\r\n")
		part("stream", 0, head, "\r\n")
		for i, c := range chunks {
			if i == n {
				select {
				case <-r.next:
				case <-ctx.Done():
				}
			}
			part("stream", 1, c, "\r\n")
		}
		part("clip", 0, aClip(r.t, "grown"), "--\r\n")
		in.Close()
	}()
	res := jobstest.Stream(200, "multipart/mixed; boundary=b", nil)
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(res.Body, out), out}
	return res
}

// aStream is a fragmented MP4, cut before each fragment.
func aStream(t testing.TB) (head []byte, chunks [][]byte) {
	cmd := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "gradients=size=160x96:rate=24:duration=6:speed=0.03:seed=5:nb_colors=3", "-pix_fmt", "yuv420p", "-g", "24", "-keyint_min", "24", "-sc_threshold", "0", "-tune", "zerolatency",
		"-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-f", "mp4", "pipe:1")
	all, err := cmd.Output()
	parts := bytes.Split(all, []byte("moof"))
	if err != nil || len(parts) < 4 {
		t.Errorf("ffmpeg: %v, %d parts", err, len(parts))
		return nil, nil
	}
	cut := func(i int) int { // a box begins with its size, four bytes before its name
		at := -4
		for _, p := range parts[:i] {
			at += len(p) + 4
		}
		return at - 4
	}
	for i := 1; i < len(parts); i++ {
		end := len(all)
		if i+1 < len(parts) {
			end = cut(i + 1)
		}
		chunks = append(chunks, all[cut(i):end])
	}
	return all[:cut(1)], chunks
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func (r *rig) generate(prompt string) string {
	r.t.Helper()
	resp, err := http.Post(r.url+"/v1/models/painter/generate", "application/json", strings.NewReader(`{"seed":7,"prompt":`+quoted(prompt)+`}`))
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	var j struct{ ID string }
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode > 299 || json.Unmarshal(b, &j) != nil {
		r.t.Fatalf("%s %s", resp.Status, b)
	}
	return j.ID
}

func (r *rig) state(id string) jobs.State {
	j, err := r.jobs.Get(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return j.State
}

const aComment = `{"prompt":"from the file itself","seed":7}`

var clips sync.Map // by prompt: a func that makes it once

// aClip is a second and a half of drifting colours as functions make it: H.264, its head first, a comment.
func aClip(t testing.TB, prompt string) []byte {
	n := len(prompt) % 12
	made, _ := clips.LoadOrStore(n, sync.OnceValues(func() ([]byte, error) {
		dir, err := os.MkdirTemp("", "clip")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "clip.mp4")
		colours := []string{"c0=0x1b2a49:c1=0xd98f5c:c2=0xf2e2c4", "c0=0x0b3d2e:c1=0x6fbf73:c2=0xe8f3d6", "c0=0x14062b:c1=0xd0427a:c2=0x3fb8e8", "c0=0x2b2d42:c1=0x8d99ae:c2=0xedf2f4", "c0=0x3a0ca3:c1=0xf72585:c2=0xffb703", "c0=0x003049:c1=0xd62828:c2=0xfcbf49",
			"c0=0x10002b:c1=0x7b2cbf:c2=0xe0aaff", "c0=0x012a4a:c1=0x2a6f97:c2=0xa9d6e5", "c0=0x1b1b1e:c1=0x96031a:c2=0xfbfffe", "c0=0x283618:c1=0xbc6c25:c2=0xfefae0", "c0=0x03071e:c1=0xf48c06:c2=0xffe8a3", "c0=0x22223b:c1=0xc9ada7:c2=0xf2e9e4"}[n]
		src := fmt.Sprintf("gradients=size=160x96:rate=8:duration=1.5:speed=0.08:seed=%d:nb_colors=3:%s", n+3, colours)
		cmd := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", src, "-pix_fmt", "yuv420p", "-metadata", "comment="+aComment, "-movflags", "+faststart", path)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%w: %s", err, out)
		}
		return os.ReadFile(path)
	}))
	data, err := made.(func() ([]byte, error))()
	if err != nil {
		t.Error(err)
	}
	return data
}

// aPreview is a small picture that tells one step from another.
func aPreview(n int) []byte {
	m := image.NewRGBA(image.Rect(0, 0, 160, 90))
	for i := range 160 * 90 {
		x, y := i%160, i/160
		m.Set(x, y, color.RGBA{uint8(40 + x/2 + n*4), uint8(50 + y), uint8(150 - x/2 + n*4), 255})
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, m, nil)
	return b.Bytes()
}

// worker runs tasks with a stand-in for the program, which says what a pull says.
func (r *rig) worker(dir string) *tasks.Runner {
	path := filepath.Join(dir, "videosdgx")
	script := "#!/bin/sh\nmkdir -p \"$5\"; echo 'transformer/model.safetensors (2.6 GiB); in all 1.1 GiB of 2.6 GiB, 42 %, 30 s left'\nwhile [ ! -e " + dir + "/go ]; do sleep 0.1; done\necho every digest right\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		r.t.Fatal(err)
	}
	w := tasks.New(tasks.Options{Program: path, Checkpoints: filepath.Join(dir, "checkpoints"), Models: filepath.Join(dir, "models")})
	r.t.Cleanup(w.Stop)
	r.release = func() {
		if err := os.WriteFile(dir+"/go", nil, 0o600); err != nil {
			r.t.Error(err)
		}
	}
	return w
}

func aMachine() (any, error) {
	return device.Probe{Memory: device.Memory{Total: 128 << 30, Available: 84 << 30}, GPUs: []device.GPU{{Name: "NVIDIA GB10", Unified: true}}, Unified: true}, nil
}

// fleet is what runs, as the test says.
type fleet struct {
	catalog *gatewaytest.Catalog
	mu      sync.Mutex
	up      []spec.InstanceStatus
	stopped []string
}

func (f *fleet) set(up ...spec.InstanceStatus) { f.mu.Lock(); f.up = up; f.mu.Unlock() }

func (f *fleet) Instances(context.Context) ([]spec.InstanceStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]spec.InstanceStatus{}, f.up...), nil
}

func (f *fleet) Status(ctx context.Context, name string) (spec.FunctionStatus, error) {
	fn, err := f.catalog.Get(ctx, name, "")
	all, _ := f.Instances(ctx)
	n := 0
	for _, i := range all {
		if i.Function == name {
			n++
		}
	}
	return spec.FunctionStatus{Function: fn, Instances: n, PlainStart: 1550 * time.Millisecond, KeepAlive: 10 * time.Minute, Invocations: 12, ColdStarts: 2}, err
}

func (f *fleet) Logs(ctx context.Context, name string, follow bool, w io.Writer) error {
	for i := range 3 {
		fmt.Fprintf(w, "2026-11-28T02:00:0%dZ\t%s-1\t-\tline %d of <b>%s</b>\n", i, name, i, name)
	}
	for _, text := range hostile {
		fmt.Fprintf(w, "2026-11-28T02:00:09Z\t%s-1\t-\t\x1b[31m%s\x1b[0m\t%s\n", name, strings.ReplaceAll(text, "\n", "\v"), text[:min(len(text), 9)])
	}
	if follow {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (f *fleet) Load(_ context.Context, name, _ string) error {
	f.set(spec.InstanceStatus{ID: name + "-2", Function: name, State: spec.Idle, Memory: 5 << 30})
	return nil
}

func (f *fleet) StopInstance(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = append(f.stopped, id)
	f.up = nil
	return nil
}
