package jobs_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// reader is a function whose vectors are shares of letters: of the prompt's length 1 in the letters a to z.
type reader struct {
	asked []string // prompts, in order
	fail  func(prompts []string) (*spec.Result, error)
}

func (f *reader) run(_ context.Context, c jobstest.Call) (*spec.Result, error) {
	if c.Event.RawPath != "/embed" {
		return jobstest.Stream(200, "video/mp4", []byte("clip of "+c.Request.Prompt)), nil
	}
	var ask struct{ Prompts []string }
	if err := json.Unmarshal([]byte(c.Event.Body), &ask); err != nil {
		return nil, err
	}
	f.asked = append(f.asked, ask.Prompts...)
	if f.fail != nil {
		return f.fail(ask.Prompts)
	}
	var all [][]byte
	for _, text := range ask.Prompts {
		all = append(all, letters(text))
	}
	b, err := json.Marshal(map[string]any{"vectors": all})
	return jobstest.Stream(200, "application/json", b), err
}

func letters(text string) []byte {
	var n [26]float64
	sum := 0.0
	for _, r := range strings.ToLower(text) {
		if r >= 'a' && r <= 'z' {
			sum += 2*n[r-'a'] + 1
			n[r-'a']++
		}
	}
	var b []byte
	for _, v := range n {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v/math.Sqrt(sum))))
	}
	return b
}

var everybody = func(jobs.Job) bool { return true }

func aModel(identity string) jobs.Model {
	return jobs.Model{Name: "wan21", Function: "wan21-fn", Identity: identity}
}

func around(key string) func(*jobs.Submit) { return func(s *jobs.Submit) { s.Around = key } }

func TestClipsOfPromptsThatAreAlike(t *testing.T) {
	f := &reader{}
	r := newRig(t, f.run)
	look := func(m jobs.Model, key, prompt string, least float64, may func(jobs.Job) bool) []jobs.Similar {
		t.Helper()
		all, err := r.Similar(t.Context(), m, key, prompt, least, may)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if got := look(aModel("one"), "k", "listen", 0.9, everybody); len(got) != 0 || len(f.asked) != 0 {
		t.Fatalf("nothing was made, and it looks: %v, %v", got, f.asked)
	}
	near, far := r.wait(r.submit("silent kite", around("k")).ID), r.wait(r.submit("zzz", around("k")).ID)
	r.wait(r.submit("silent kite", around("other")).ID)
	got := look(aModel("one"), "k", "listen kite", 0.9, everybody)
	if len(got) != 1 || got[0].Job.ID != near.ID || math.Abs(got[0].Similarity-1) > 1e-5 {
		t.Fatalf("%+v", got)
	}
	if len(f.asked) != 3 {
		t.Errorf("it reads %v", f.asked)
	}
	if got = look(aModel("one"), "k", "listen kite", 0, everybody); len(got) != 2 || got[1].Job.ID != far.ID {
		t.Errorf("without a least likeness: %+v", got)
	}
	if got = look(aModel("one"), "k", "listen kite", 0.9, func(j jobs.Job) bool { return j.ID != near.ID }); len(got) != 0 {
		t.Errorf("somebody else's: %+v", got)
	}
	if len(f.asked) != 3 {
		t.Errorf("what is known is read again: %v", f.asked)
	}
	if look(aModel("two"), "k", "listen kite", 0.9, everybody); len(f.asked) != 6 {
		t.Errorf("another bundle has the vectors of this one: %v", f.asked)
	}
	if st := r.KeptStats(); st.Vectors != 6 || st.VectorBytes != 6*26*4 {
		t.Errorf("%+v", st)
	}

	if err := r.Stop(t.Context()); err != nil { // a restart knows both the clips and the vectors
		t.Fatal(err)
	}
	r.start()
	for len(look(aModel("one"), "k", "listen kite", 0.9, everybody)) == 0 { // the index is read behind the service's back
		if t.Context().Err() != nil {
			t.Fatal("the index never came")
		}
	}
	if len(f.asked) != 6 {
		t.Errorf("after a restart it reads again: %v", f.asked[6:])
	}
	if err := r.Purge(t.Context(), near.ID); err != nil {
		t.Fatal(err)
	}
	if got := look(aModel("one"), "k", "listen kite", 0.9, everybody); len(got) != 0 {
		t.Errorf("a clip that was deleted: %+v", got)
	}
}

func TestAModelWithoutVectorsIsAskedOnce(t *testing.T) {
	f := &reader{fail: func([]string) (*spec.Result, error) {
		return jobstest.Stream(501, "application/problem+json", []byte(`{}`)), nil
	}}
	r := newRig(t, f.run)
	r.wait(r.submit("a", around("k")).ID)
	for range 2 {
		if _, err := r.Similar(t.Context(), aModel("one"), "k", "b", 0.9, everybody); !errors.Is(err, jobs.ErrNoVectors) {
			t.Errorf("%v", err)
		}
	}
	if len(f.asked) != 2 {
		t.Errorf("it is asked %v", f.asked)
	}
	nobody := func(jobs.Job) bool { t.Error("clips are looked through for a model that has no vectors"); return false }
	if _, err := r.Similar(t.Context(), aModel("one"), "k", "b", 0.9, nobody); !errors.Is(err, jobs.ErrNoVectors) {
		t.Errorf("%v", err)
	}
	for name, res := range map[string]func([]string) (*spec.Result, error){
		"busy": func([]string) (*spec.Result, error) {
			return jobstest.Stream(503, "application/problem+json", []byte(`{}`)), nil
		},
		"broken": func([]string) (*spec.Result, error) { return nil, errors.New("no instance") },
		"false": func(p []string) (*spec.Result, error) {
			b, err := json.Marshal(map[string]any{"vectors": [][]byte{{0, 0, 0, 64}, {0, 0, 0, 64}}[:len(p)]}) // a length of 2
			return jobstest.Stream(200, "application/json", b), err
		},
	} {
		f.fail = res
		for range 2 {
			if _, err := r.Similar(t.Context(), aModel(name), "k", "b", 0.9, everybody); err == nil || errors.Is(err, jobs.ErrNoVectors) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestDamagedVectorsAreReadAgain(t *testing.T) {
	f := &reader{}
	r := newRig(t, f.run)
	r.wait(r.submit("a", around("k")).ID)
	look := func() {
		if _, err := r.Similar(t.Context(), aModel("one"), "k", "b", 0.9, everybody); err != nil {
			t.Error(err)
		}
	}
	look()
	all, err := filepath.Glob(filepath.Join(r.dir, "outputs", ".prompts", "*.f32"))
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	if err := os.WriteFile(all[0], []byte("cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	if look(); len(f.asked) != 3 {
		t.Errorf("it reads %v", f.asked)
	}
}
