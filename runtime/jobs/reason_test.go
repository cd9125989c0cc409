package jobs_test

import (
	"context"
	"io"
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// passing are models of which one may not be there.
type passing struct{ gone atomic.Pointer[string] }

func (p *passing) now() jobstest.Models {
	all := maps.Clone(models())
	if name := p.gone.Load(); name != nil {
		delete(all, *name)
	}
	return all
}

func (p *passing) Models(ctx context.Context) ([]jobs.Model, error) { return p.now().Models(ctx) }

func (p *passing) Model(ctx context.Context, name string) (jobs.Model, error) {
	return p.now().Model(ctx, name)
}

// TestAJobOfAModelThatIsGoneSaysSo, to who asks and to who watches, until the model is back: then it runs.
func TestAJobOfAModelThatIsGoneSaysSo(t *testing.T) {
	p, release := &passing{}, make(chan struct{})
	r := newRig(t, func(_ context.Context, c jobstest.Call) (*spec.Result, error) {
		<-release
		return jobstest.Stream(200, "video/mp4", []byte("x")), nil
	}, func(r *rig) { r.deps.Models = p })
	first := r.submit("x")
	j := r.submit("y", func(s *jobs.Submit) { s.Model = "ltx2" })
	if why := r.Reason(j); why != "" {
		t.Errorf("it waits for its turn, and says %q", why)
	}
	name := "ltx2"
	p.gone.Store(&name)
	const says = "no function with the model ltx2"
	watch := func(ok func(data string) bool) {
		t.Helper()
		if err := r.Watch(t.Context(), j.ID, "", func(e jobs.Event) error {
			if e.Type == "queued" && ok(string(e.Data)) {
				return io.EOF
			}
			return nil
		}); err != io.EOF {
			t.Fatal(err)
		}
	}
	watch(func(data string) bool { return strings.Contains(data, says) })
	if why := r.Reason(j); !strings.Contains(why, says) {
		t.Errorf("asked, it says %q", why)
	}
	if why := r.Reason(first); why != "" {
		t.Errorf("another model's job says %q", why)
	}
	told := false
	watch(func(data string) bool { // who watches hears that it is back, too
		if strings.Contains(data, says) {
			told = true
			p.gone.Store(nil)
			return false
		}
		return told
	})
	close(release)
	if got := r.wait(j.ID); got.State != jobs.Completed || r.Reason(got) != "" {
		t.Errorf("%+v, %q", got, r.Reason(got))
	}
}
