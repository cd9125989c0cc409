package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fake is a server whose records and files a test can spoil.
type fake struct {
	jobs       []map[string]any
	clips      map[string][]byte // job id → clip
	successful int
}

func clipOf(prompt string) []byte {
	body := strings.Repeat(prompt, 100)
	return fmt.Appendf(nil, "%s %d %x\n%s", prompt, len(body), sha256.Sum256([]byte(body)), body)
}

func (f *fake) add(id, key string) {
	clip := clipOf(key)
	f.jobs = append(f.jobs, map[string]any{"id": id, "status": "completed", "request": map[string]string{"prompt": key},
		"result": map[string]string{"sha256": fmt.Sprintf("%x", sha256.Sum256(clip))}})
	f.clips[id] = clip
	f.successful++
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch id := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1/jobs/"), "/download"); {
	case r.URL.Path == "/v1/jobs":
		json.NewEncoder(w).Encode(map[string]any{"jobs": f.jobs})
	case strings.HasSuffix(r.URL.Path, "/metrics"):
		json.NewEncoder(w).Encode(map[string]any{"successful": f.successful})
	case f.clips[id] != nil:
		w.Write(f.clips[id])
	default:
		http.NotFound(w, r)
	}
}

// TestVerifySeesWhatIsWrong spoils one thing at a time: a bench that cannot fail shows nothing.
func TestVerifySeesWhatIsWrong(t *testing.T) {
	type seen struct{ lost, doubled, half, stray, findings int }
	for name, tc := range map[string]struct {
		spoil func(f *fake, l *load, dir string)
		want  seen
	}{
		"nothing":    {func(*fake, *load, string) {}, seen{}},
		"a job gone": {func(f *fake, _ *load, _ string) { f.jobs, f.successful = f.jobs[:1], 1 }, seen{lost: 1, stray: 1, findings: 2}},
		"not completed": {func(f *fake, _ *load, _ string) { f.jobs[0]["status"], f.successful = "queued", 1 },
			seen{lost: 1, findings: 2}},
		"two jobs of one request": {func(f *fake, _ *load, dir string) { f.add("c", "key-1"); put(t, dir, "c.1.mp4", clipOf("key-1")) },
			seen{doubled: 1, findings: 1}},
		"one key, two ids":   {func(_ *fake, l *load, _ string) { l.ack("key-1", "z") }, seen{doubled: 1, findings: 1}},
		"another clip later": {func(_ *fake, l *load, _ string) { l.clips["a"] = "other" }, seen{doubled: 1, findings: 1}},
		"counted twice":      {func(f *fake, _ *load, _ string) { f.successful++ }, seen{doubled: 1, findings: 1}},
		"not counted":        {func(f *fake, _ *load, _ string) { f.successful-- }, seen{findings: 1}},
		"half a clip":        {func(f *fake, _ *load, _ string) { f.clips["b"] = f.clips["b"][:50] }, seen{half: 1, findings: 1}},
		"somebody else's":    {func(f *fake, _ *load, _ string) { f.clips["b"] = f.clips["a"] }, seen{half: 1, findings: 1}},
		"a file left over":   {func(_ *fake, _ *load, dir string) { put(t, dir, "a.2.mp4", clipOf("key-1")) }, seen{stray: 1, findings: 1}},
		"a part left over":   {func(_ *fake, _ *load, dir string) { put(t, dir, ".partial/a.1.mp4", nil) }, seen{stray: 1, findings: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			f, dir := &fake{clips: map[string][]byte{}}, t.TempDir()
			s := httptest.NewServer(f)
			defer s.Close()
			n := &node{api: newAPI(s.URL), outputs: dir}
			l := newLoad(1, 1, n)
			for i, id := range []string{"a", "b"} {
				key := fmt.Sprintf("key-%d", i+1)
				f.add(id, key)
				l.ack(key, id)
				put(t, dir, id+".1.mp4", clipOf(key))
			}
			tc.spoil(f, l, dir)
			v, err := verify(t.Context(), n, l)
			if err != nil {
				t.Fatal(err)
			}
			if got := (seen{v.lost, v.doubled, v.half, v.stray, len(v.findings)}); got != tc.want {
				t.Errorf("%+v, want %+v: %v", got, tc.want, v.findings)
			}
		})
	}
}

func put(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestLookoutSeesHalfFilesAndSecondOnes(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.1.mp4", clipOf("a"))
	put(t, dir, "a.2.mp4", clipOf("a"))
	put(t, dir, "b.1.mp4", clipOf("b")[:20])
	l := &lookout{dir: dir, seen: map[string]bool{}, jobs: map[string]int{}, stop: make(chan struct{})}
	l.scan()
	if half, redone := l.end(); half != 1 || redone != 1 {
		t.Errorf("%d half files, %d redone", half, redone)
	}
}
