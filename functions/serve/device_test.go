package serve

import (
	"errors"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

func TestTheDeviceIsChosenAndSaysWhy(t *testing.T) {
	both := []string{"transformer.cpu.onnx", "transformer.cuda.onnx"}
	never := func(engine.Device) error { t.Error("the GPU's libraries were loaded"); return nil }
	fine := func(engine.Device) error { return nil }
	broken := func(engine.Device) error { return errors.New("libcudart.so.13 is missing") }
	for _, c := range []struct {
		asked   string
		files   []string
		visible bool
		able    func(engine.Device) error
		want    string
	}{
		{"", both, true, fine, "cuda:0 (a GPU is there"},
		{"auto", both, true, fine, "cuda:0 (a GPU is there"},
		{"auto", both, true, broken, "cpu (the GPU cannot be used: libcudart"},
		{"auto", both, false, never, "cpu (no GPU is given"},
		{"auto", both[:1], true, never, "cpu (the bundle has no graphs for a GPU)"},
		{"cpu", both, true, never, "cpu (asked for)"},
		{"cuda:1", both, false, never, "cuda:1 (asked for)"},
		{"cuda:0,cuda:1", both, false, never, "cuda:0, cuda:1 (asked for)"},
	} {
		got, err := choose(c.asked, c.files, c.visible, c.able)
		if err != nil || !strings.HasPrefix(got.String(), c.want) {
			t.Errorf("%q with %v, GPU %v: %s, %v; expected %s", c.asked, c.files, c.visible, got, err, c.want)
		}
	}
	for _, bad := range []string{"tpu", "cuda:0,", "cuda:0,cuda:0", "cpu,cuda:0", "cuda:0,tpu"} {
		if got, err := choose(bad, both, true, fine); err == nil {
			t.Errorf("%q was taken: %s", bad, got)
		}
	}
}

func TestAGPUThatIsAskedForAndNotThereIsRefused(t *testing.T) {
	gpu := func(i int) engine.Device { return engine.Device{Kind: engine.CUDA, Index: i} }
	one := func(d engine.Device) int { return map[int]int{0: 90}[d.Index] } // one GPU
	fine := func(engine.Device) error { return nil }
	broken := func(engine.Device) error { return errors.New("libcudart.so.13 is missing") }
	for _, c := range []struct {
		all  []engine.Device
		able func(engine.Device) error
		want string
	}{
		{[]engine.Device{{}}, broken, ""},
		{[]engine.Device{gpu(0)}, fine, ""},
		{[]engine.Device{gpu(0), gpu(1)}, fine, "the device cuda:1 was asked for, and no such GPU is given to this process"},
		{[]engine.Device{gpu(0)}, broken, "libcudart.so.13 is missing"},
	} {
		err := there(c.all, one, c.able)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v; expected %q", c.all, err, c.want)
		}
	}
}

func TestSeveralGPUsServeTogetherOrNot(t *testing.T) {
	both := []string{"transformer.cpu.onnx", "transformer.cuda.onnx"}
	fine := func(engine.Device) error { return nil }
	second := func(d engine.Device) error {
		if d.Index > 0 {
			return errors.New("no such device")
		}
		return nil
	}
	for _, c := range []struct {
		asked   string
		files   []string
		visible bool
		able    func(engine.Device) error
		want    string // begins what is chosen, or is in the sentence
	}{
		{"", both, true, fine, "cuda:0, cuda:1 (2 GPUs are given"},
		{"cuda:1", both, true, fine, "cuda:1 (asked for)"},
		{"", both, true, second, "cuda:1 cannot be used (no such device)"},
		{"auto", both[:1], true, fine, "the bundle has no graphs for a GPU"},
		{"", both, false, fine, "no GPU is given to this process"},
	} {
		got, err := chooseSeveral(2, c.asked, c.files, c.visible, c.able)
		said := got.String()
		if err != nil {
			said = err.Error()
		}
		if !strings.Contains(said, c.want) || (err == nil) != strings.HasPrefix(said, c.want) {
			t.Errorf("%q: %s; expected %s", c.asked, said, c.want)
		}
	}
	for s, want := range map[string]int{"": 0, "2": 2, "x": -1, "0": -1} {
		t.Setenv(GPUsEnv, s)
		if n, err := given(); (err == nil && n != want) || (err != nil) != (want < 0) {
			t.Errorf("%q: %d, %v", s, n, err)
		}
	}
}
