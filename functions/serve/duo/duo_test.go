package duo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/functions/handler"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model gives one frame with its name's first letter, or fails.
type model struct {
	name   string
	fail   error
	late   bool // fails after a frame
	waits  bool // until its context ends
	began  chan struct{}
	closed int
}

func (m *model) Describe() handler.Description { return handler.Description{Name: "m"} }

func (m *model) Generate(ctx context.Context, _ handler.Request, out handler.Output) error {
	if m.waits {
		close(m.began)
		<-ctx.Done()
		return context.Cause(ctx)
	}
	if m.fail != nil && !m.late {
		return m.fail
	}
	if err := out.Frame([]byte(m.name[:1])); err != nil {
		return err
	}
	return m.fail
}

func (m *model) Close() error { m.closed++; return nil }

// clip is who made a clip.
func clip(t *testing.T, m *Model) (string, error) {
	t.Helper()
	made := ""
	out := handler.Silent()
	out.Frame = func(rgb []byte) error { made += string(rgb); return nil }
	err := m.Generate(context.Background(), handler.Request{}, out)
	return made, err
}

func quiet() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}

func TestTheSureEngineAnswersUntilTheOtherIsReady(t *testing.T) {
	log, _ := quiet()
	sure, fast, reopened := &model{name: "sure"}, &model{name: "fast"}, &model{name: "again"}
	ready := make(chan struct{})
	m := New(Sides{Sure: sure, SureName: "ORT", Log: log, Reopen: func(context.Context) (handler.Model, error) { return reopened, nil },
		Prepare: func(ctx context.Context, rehearse Rehearse) (handler.Model, Choice, error) {
			<-ready
			return fast, Choice{"TRT", "2 × faster"}, rehearse(ctx, func(_ context.Context, m handler.Model) error {
				if m != handler.Model(sure) {
					t.Error("a rehearsal with the wrong model")
				}
				return nil
			})
		}})
	if by, err := clip(t, m); by != "s" || err != nil {
		t.Errorf("%q, %v", by, err)
	}
	if name, why := m.Engine(); name != "ORT" || why == "" {
		t.Errorf("%s (%s)", name, why)
	}
	close(ready)
	<-m.done
	if by, err := clip(t, m); by != "f" || err != nil || sure.closed != 1 {
		t.Errorf("%q, %v, the sure one closed %d times", by, err, sure.closed)
	}
	if name, why := m.Engine(); name != "TRT" || why != "2 × faster" {
		t.Errorf("%s (%s)", name, why)
	}
	fast.fail = errdefs.ErrInvalidArgument // a shape that the plan is not for
	if by, err := clip(t, m); by != "a" || err != nil || fast.closed != 0 {
		t.Errorf("%q, %v", by, err)
	}
	fast.fail = nil
	if by, _ := clip(t, m); by != "f" || reopened.closed != 1 {
		t.Errorf("%q", by)
	}
	if err := m.Close(); err != nil || fast.closed != 1 {
		t.Error(err, fast.closed)
	}
}

func TestAFailureOfTheFastEngineIsNobodysLoss(t *testing.T) {
	log, said := quiet()
	fast := &model{name: "fast", fail: errdefs.ErrInternal}
	m := Ready(Sides{SureName: "ORT", Log: log, Reopen: func(context.Context) (handler.Model, error) { return &model{name: "sure"}, nil }}, fast, Choice{"TRT", "2 × faster"})
	defer m.Close()
	if by, err := clip(t, m); by != "s" || err != nil || fast.closed != 1 {
		t.Errorf("%q, %v", by, err)
	}
	if name, why := m.Engine(); name != "ORT" || !strings.Contains(why, "TensorRT failed") || !strings.Contains(said.String(), "ONNX Runtime makes the clip") {
		t.Errorf("%s (%s), %s", name, why, said)
	}
	if by, err := clip(t, m); by != "s" || err != nil {
		t.Errorf("%q, %v", by, err)
	}
}

// TestHalfAClipIsNotMadeTwice: what was given cannot be taken back.
func TestHalfAClipIsNotMadeTwice(t *testing.T) {
	log, _ := quiet()
	m := Ready(Sides{SureName: "ORT", Log: log}, &model{name: "fast", fail: errdefs.ErrInternal, late: true}, Choice{Name: "TRT"})
	defer m.Close()
	if by, err := clip(t, m); by != "f" || !errdefs.IsInternal(err) {
		t.Errorf("%q, %v", by, err)
	}
}

func TestWhatCannotBePreparedIsSaid(t *testing.T) {
	log, said := quiet()
	m := New(Sides{Sure: &model{name: "sure"}, SureName: "ORT", Log: log, Prepare: func(context.Context, Rehearse) (handler.Model, Choice, error) {
		return nil, Choice{}, errors.New("the plan of transformer is off by 0.3")
	}})
	defer m.Close()
	<-m.done
	if name, why := m.Engine(); name != "ORT" || !strings.Contains(why, "off by 0.3") || !strings.Contains(said.String(), "off by 0.3") {
		t.Errorf("%s (%s), %s", name, why, said)
	}
}

// worse is an error with a word for where there is no room.
type worse struct{}

func (worse) Error() string { return "the plans are 9 × slower than ONNX Runtime" }
func (worse) Brief() string { return "plans are 9.0x slower" }

// TestAWordStandsBesideTheName: where a name alone is shown, it says why it is this one.
func TestAWordStandsBesideTheName(t *testing.T) {
	log, _ := quiet()
	m := New(Sides{Sure: &model{name: "sure"}, SureName: "ORT", Log: log, Prepare: func(context.Context, Rehearse) (handler.Model, Choice, error) {
		return nil, Choice{}, fmt.Errorf("measured: %w", worse{})
	}})
	defer m.Close()
	<-m.done
	if name, why := m.Engine(); name != "ORT, plans are 9.0x slower" || !strings.Contains(why, "9 × slower than") {
		t.Errorf("%s (%s)", name, why)
	}
}

// TestAClipGoesBeforeARehearsal: a rehearsal under way ends for it and begins again.
// TestAClipGoesBeforeARehearsal also where a rehearsal does not say why it ended: a program that was to be started says no more than
// that its context is cancelled.
func TestAClipGoesBeforeARehearsal(t *testing.T) {
	for _, says := range []func(context.Context) error{context.Cause, context.Context.Err, func(context.Context) error { return errors.New("signal: killed") }} {
		aClipGoesBefore(t, says)
	}
}

func aClipGoesBefore(t *testing.T, says func(context.Context) error) {
	log, _ := quiet()
	sure, rounds := &model{name: "sure"}, 0
	began := make(chan struct{})
	m := New(Sides{Sure: sure, SureName: "ORT", Log: log, Prepare: func(ctx context.Context, rehearse Rehearse) (handler.Model, Choice, error) {
		err := rehearse(ctx, func(ctx context.Context, _ handler.Model) error {
			if rounds++; rounds > 1 {
				return nil
			}
			close(began)
			<-ctx.Done()
			return says(ctx)
		})
		return &model{name: "fast"}, Choice{Name: "TRT"}, err
	}})
	defer m.Close()
	<-began
	if by, err := clip(t, m); by != "s" || err != nil {
		t.Errorf("%q, %v", by, err)
	}
	<-m.done
	if name, _ := m.Engine(); rounds < 2 || name != "TRT" {
		t.Errorf("%d rounds, %s", rounds, name)
	}
}

func TestCloseEndsPreparing(t *testing.T) {
	log, said := quiet()
	sure := &model{name: "sure", waits: true, began: make(chan struct{})}
	m := New(Sides{Sure: sure, SureName: "ORT", Log: log, Prepare: func(ctx context.Context, rehearse Rehearse) (handler.Model, Choice, error) {
		return nil, Choice{}, rehearse(ctx, func(ctx context.Context, m handler.Model) error {
			return m.Generate(ctx, handler.Request{}, handler.Silent())
		})
	}})
	<-sure.began
	if err := m.Close(); err != nil || sure.closed != 1 || said.Len() > 0 {
		t.Error(err, sure.closed, said)
	}
}
