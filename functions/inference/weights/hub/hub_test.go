package hub

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

const commit = "0123456789abcdef0123456789abcdef01234567"

// fake is an endpoint with one repository, o/m, as Hugging Face serves one: large files by redirect to another host.
type fake struct {
	t      *testing.T
	files  map[string][]byte
	lfs    map[string]bool
	token  string                                                         // asked for when set
	listed map[string]string                                              // digests that the listing gives instead of the right ones
	serve  func(w http.ResponseWriter, r *http.Request, name string) bool // answers instead, when true

	mu     sync.Mutex
	ranges []string // Range headers that came
	front  *httptest.Server
	store  *httptest.Server
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, files: map[string][]byte{"model_index.json": []byte(`{"_class_name":"X"}`), "vae/config.json": []byte("{}"), "empty.txt": {},
		"vae/big.safetensors": bytes.Repeat([]byte("0123456789"), 30000)}, lfs: map[string]bool{"vae/big.safetensors": true}, listed: map[string]string{}}
	f.front, f.store = httptest.NewServer(http.HandlerFunc(f.api)), httptest.NewServer(http.HandlerFunc(f.bytes))
	t.Cleanup(func() { f.front.Close(); f.store.Close(); http.DefaultClient.CloseIdleConnections() })
	return f
}

func (f *fake) api(w http.ResponseWriter, r *http.Request) {
	if f.token != "" && r.Header.Get("Authorization") != "Bearer "+f.token {
		http.Error(w, "Access to model o/m is restricted.", http.StatusUnauthorized)
		return
	}
	switch name, isFile := strings.CutPrefix(r.URL.Path, "/o/m/resolve/"+commit+"/"); {
	case strings.HasPrefix(r.URL.Path, "/api/models/o/m/revision/"):
		if rev := filepath.Base(r.URL.Path); rev != "main" && rev != "v1" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"sha":%q}`, commit)
	case r.URL.Path == "/api/models/o/m/tree/"+commit:
		f.tree(w, r)
	case isFile && f.lfs[name]:
		w.Header().Set("X-Linked-Etag", `"`+f.digest(name)+`"`)
		http.Redirect(w, r, f.store.URL+"/"+name, http.StatusFound)
	case isFile:
		f.send(w, r, name)
	default:
		http.NotFound(w, r)
	}
}

// tree lists one file per page.
func (f *fake) tree(w http.ResponseWriter, r *http.Request) {
	names := slices.Sorted(maps.Keys(f.files))
	i := 0
	fmt.Sscan(r.URL.Query().Get("cursor"), &i)
	if i+1 < len(names) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?recursive=1&cursor=%d>; rel="next"`, f.front.URL, r.URL.Path, i+1))
	}
	name := names[i]
	if f.lfs[name] {
		fmt.Fprintf(w, `[{"type":"directory","path":"vae","oid":"x"},{"type":"file","path":%q,"size":%d,"oid":"p","lfs":{"oid":%q,"size":%d}}]`, name, len(f.files[name]), f.digest(name), len(f.files[name]))
		return
	}
	fmt.Fprintf(w, `[{"type":"file","path":%q,"size":%d,"oid":%q}]`, name, len(f.files[name]), f.digest(name))
}

func (f *fake) digest(name string) string {
	if d := f.listed[name]; d != "" {
		return d
	}
	if f.lfs[name] {
		return fmt.Sprintf("%x", sha256.Sum256(f.files[name]))
	}
	return fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(f.files[name]), f.files[name])))
}

func (f *fake) bytes(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		f.t.Error("the token went to another host")
	}
	f.send(w, r, strings.TrimPrefix(r.URL.Path, "/"))
}

func (f *fake) send(w http.ResponseWriter, r *http.Request, name string) {
	f.mu.Lock()
	if h := r.Header.Get("Range"); h != "" {
		f.ranges = append(f.ranges, h)
	}
	f.mu.Unlock()
	w.Header().Set("ETag", `"`+f.digest(name)+`"`)
	if f.serve != nil && f.serve(w, r, name) {
		return
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(f.files[name]))
}

func (f *fake) pull(ctx context.Context, dir string, o Options) (*Pulled, error) {
	o.wait = func(ctx context.Context, _ int, _ error) error { return ctx.Err() }
	if o.stall == 0 {
		o.stall = time.Minute
	}
	return (&Client{Endpoint: f.front.URL, Token: f.token}).Pull(ctx, "o/m", dir, o)
}

func (f *fake) check(dir string) {
	f.t.Helper()
	for name, want := range f.files {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			f.t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(want), err)
		}
	}
	if err := weights.VerifySums(f.t.Context(), dir); err != nil {
		f.t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*", "*.partial*")); len(left) != 0 {
		f.t.Errorf("left behind: %v", left)
	}
}

func TestPullBringsEverything(t *testing.T) {
	f := newFake(t)
	f.token = "secret"
	dir := t.TempDir()
	var mu sync.Mutex
	last := map[string]int64{}
	o := Options{Begin: func(e Entry) (func(int64), func(error)) {
		return func(n int64) { mu.Lock(); last[e.Path] = n; mu.Unlock() }, func(err error) {
			if err != nil {
				t.Error(err)
			}
		}
	}}
	p, err := f.pull(context.Background(), dir, o)
	if err != nil || p.Files != 4 || p.Commit != commit || p.Bytes != 300021 || last["vae/big.safetensors"] != 300000 {
		t.Fatalf("%+v, %v, %v", p, err, last)
	}
	f.check(dir)
	f.serve = func(w http.ResponseWriter, r *http.Request, name string) bool {
		t.Errorf("%s is fetched again", name)
		return false
	}
	if _, err := f.pull(context.Background(), dir, Options{Revision: "v1"}); err != nil {
		t.Error(err)
	}
}

func TestNothingIsPulledWhereThereIsNoRoom(t *testing.T) {
	f, dir := newFake(t), t.TempDir()
	f.token = "secret"
	full, asked := errors.New("full"), int64(0)
	o := Options{Room: func(need int64) error { asked = need; return full }}
	f.serve = func(_ http.ResponseWriter, _ *http.Request, name string) bool {
		t.Errorf("%s is fetched", name)
		return false
	}
	if _, err := f.pull(t.Context(), dir, o); !errors.Is(err, full) || asked != 300021 {
		t.Errorf("%d bytes asked for, %v", asked, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.MkdirAll(filepath.Join(dir, "vae"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "vae", "big.safetensors"), f.files["vae/big.safetensors"], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.pull(t.Context(), dir, o); !errors.Is(err, full) || asked != 21 {
		t.Errorf("%d bytes asked for besides those that are there, %v", asked, err)
	}
}

// breakOff serves n bytes of the large file and cuts the connection.
func (f *fake) breakOff(n int, times *int) {
	f.serve = func(w http.ResponseWriter, r *http.Request, name string) bool {
		if !f.lfs[name] || *times == 0 {
			return false
		}
		*times--
		from := 0
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		w.Header().Set("Content-Length", fmt.Sprint(len(f.files[name])-from))
		if from > 0 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(f.files[name])-1, len(f.files[name])))
			w.WriteHeader(http.StatusPartialContent)
		}
		w.Write(f.files[name][from : from+n])
		panic(http.ErrAbortHandler)
	}
}

func TestInterruptedTransfersResume(t *testing.T) {
	f, dir, times := newFake(t), t.TempDir(), 12
	f.breakOff(20000, &times)
	if _, err := f.pull(context.Background(), dir, Options{}); err != nil {
		t.Fatal(err)
	}
	f.check(dir)
	if len(f.ranges) != 12 || f.ranges[11] != "bytes=240000-" {
		t.Errorf("ranges asked for: %v", f.ranges)
	}
}

func TestAnotherPullResumes(t *testing.T) {
	f, dir, times := newFake(t), t.TempDir(), 1
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("interrupted")
	f.breakOff(100000, &times)
	inner := f.serve
	f.serve = func(w http.ResponseWriter, r *http.Request, name string) bool {
		if f.lfs[name] && times == 0 {
			cancel(why)
			return false
		}
		return inner(w, r, name)
	}
	if _, err := f.pull(ctx, dir, Options{Parallel: 1}); !errors.Is(err, why) {
		t.Fatalf("cancelled: %v", err)
	}
	f.serve = nil
	if _, err := f.pull(context.Background(), dir, Options{}); err != nil {
		t.Fatal(err)
	}
	f.check(dir)
	if last := f.ranges[len(f.ranges)-1]; last == "bytes=0-" || !strings.HasPrefix(last, "bytes=") {
		t.Errorf("resumed with %q", last)
	}
}

func TestAStalledTransferIsBegunAnew(t *testing.T) {
	f, dir := newFake(t), t.TempDir()
	var once sync.Once
	f.serve = func(w http.ResponseWriter, r *http.Request, name string) bool {
		stalled := false
		if f.lfs[name] {
			once.Do(func() {
				stalled = true
				w.Write(f.files[name][:1000])
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			})
		}
		return stalled
	}
	if _, err := f.pull(context.Background(), dir, Options{stall: 200 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	f.check(dir)
}

func TestAServerWithoutRangesStartsOver(t *testing.T) {
	f, dir := newFake(t), t.TempDir()
	first := true
	f.serve = func(w http.ResponseWriter, r *http.Request, name string) bool {
		if !f.lfs[name] {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(f.files[name])))
		if first {
			first = false
			w.Write(f.files[name][:5000])
			panic(http.ErrAbortHandler)
		}
		w.Write(f.files[name])
		return true
	}
	if _, err := f.pull(context.Background(), dir, Options{}); err != nil {
		t.Fatal(err)
	}
	f.check(dir)
}

func TestWrongDigestIsNamed(t *testing.T) {
	for name, wrong := range map[string]string{"vae/big.safetensors": strings.Repeat("a", 64), "vae/config.json": strings.Repeat("b", 40)} {
		f, dir := newFake(t), t.TempDir()
		right := f.digest(name)
		f.listed[name] = wrong
		_, err := f.pull(context.Background(), dir, Options{})
		var damaged *weights.DigestError
		if !errors.As(err, &damaged) || !strings.HasSuffix(damaged.Expected, wrong) || !strings.HasSuffix(damaged.Found, right) || !strings.HasSuffix(damaged.File, name) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s got its name all the same", name)
		}
		if _, err := os.Stat(filepath.Join(dir, weights.SumsName)); err == nil {
			t.Error("an incomplete folder has digests")
		}
	}
}

func TestRefusalsSayTheNextStep(t *testing.T) {
	f := newFake(t)
	f.token = "secret"
	pull := func(token, repo, revision string) error {
		_, err := (&Client{Endpoint: f.front.URL, Token: token}).Pull(context.Background(), repo, t.TempDir(), Options{Revision: revision})
		return err
	}
	for _, c := range []struct {
		token, repo, revision, want string
		is                          func(error) bool
	}{
		{"", "o/m", "", "set HF_TOKEN", errdefs.IsPermissionDenied},
		{"other", "o/m", "", "HF_TOKEN may not read it", errdefs.IsPermissionDenied},
		{"secret", "o/none", "", "check the name", errdefs.IsNotFound},
		{"secret", "o/m", "v9", "check the name and the revision", errdefs.IsNotFound},
		{"secret", "../m", "", "is no repository", errdefs.IsInvalidArgument},
	} {
		if err := pull(c.token, c.repo, c.revision); err == nil || !c.is(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	f.serve = func(w http.ResponseWriter, _ *http.Request, _ string) bool { w.WriteHeader(503); return true }
	if _, err := f.pull(context.Background(), t.TempDir(), Options{}); !errdefs.IsUnavailable(err) || !strings.Contains(err.Error(), "run the same command to resume") {
		t.Errorf("a failing endpoint: %v", err)
	}
	f.front.Close()
	if err := pull("secret", "o/m", ""); !errdefs.IsUnavailable(err) || !strings.Contains(err.Error(), "cannot reach") {
		t.Errorf("no endpoint: %v", err)
	}
}

func TestHostileListings(t *testing.T) {
	f := newFake(t)
	f.files["../../evil"] = []byte("x")
	if _, err := f.pull(context.Background(), t.TempDir(), Options{}); !errdefs.IsDataLoss(err) || !strings.Contains(err.Error(), "outside its folder") {
		t.Errorf("got %v", err)
	}
}

func TestChoice(t *testing.T) {
	var all []Entry
	for _, p := range []string{"a.bin", "README.md", "vae/m.safetensors", "vae/m.fp16.safetensors", "unet/m.fp16.safetensors", "unet/m.bf16.safetensors", "text/m-00001-of-00002.safetensors",
		"text/m.safetensors.index.json", "text/m.fp16-00001-of-00002.safetensors", "text/m.safetensors.index.fp16.json", "x.mp4"} {
		all = append(all, Entry{Path: p})
	}
	list := func(o Options) string {
		var names []string
		chosen, err := o.choose(all)
		if err != nil {
			return err.Error()
		}
		for _, e := range chosen {
			names = append(names, e.Path)
		}
		return strings.Join(names, " ")
	}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Exclude: []string{"*.md"}}, "vae/m.safetensors unet/m.bf16.safetensors text/m-00001-of-00002.safetensors text/m.safetensors.index.json"},
		{Options{Include: []string{"vae/", "*.bin"}}, "a.bin vae/m.safetensors vae/m.fp16.safetensors"},
		{Options{Exclude: []string{"*.md"}, Variant: "fp16"}, "vae/m.fp16.safetensors unet/m.fp16.safetensors text/m.fp16-00001-of-00002.safetensors text/m.safetensors.index.fp16.json"},
		{Options{Include: []string{"vae/"}, Variant: "fp16"}, "vae/m.fp16.safetensors"},
		{Options{Variant: "fp8"}, `there are no weights of the variant "fp8", only of none in particular, "bf16", "fp16": not found`},
	} {
		if got := list(c.o); got != c.want {
			t.Errorf("%+v chooses %s", c.o, got)
		}
	}
	if err := CheckPatterns([]string{"["}); !errdefs.IsInvalidArgument(err) {
		t.Errorf("a bad pattern: %v", err)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestMeterTellsTheDiskFromTheNetwork(t *testing.T) {
	m := &meter{w: fullDisk{}, report: func(int64) {}}
	if _, err := m.Write([]byte("x")); !errors.Is(m.failed, syscall.ENOSPC) || err == nil {
		t.Errorf("%v, %v", m.failed, err)
	}
}
