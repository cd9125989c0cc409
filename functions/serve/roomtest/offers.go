package roomtest

import (
	"context"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// Offering is a model family whose refusals are taken at their word.
type Offering struct {
	Bundle func(t testing.TB) string // a built one
	Open   serve.Opener
	// Draw is a request that nothing is wrong with but, maybe, that it takes more memory than there is.
	Draw func(random *rand.Rand) handler.Request
	// Check is what refuses a request before it is run, by a model that may take so many bytes of memory.
	Check func(m handler.Model, memory int64, r handler.Request) error
}

// requests are how many are drawn. Each is counted some hundred times.
const requests = 80

// Offers draws requests and memories: what a refusal offers is taken, and where it offers nothing the smallest clip that it names does
// not fit either, and fits in as much memory as it names.
func Offers(t *testing.T, f Offering) {
	t.Helper()
	m, err := serve.Open(context.Background(), f.Bundle(t), weights.VerifyOptions{RecordDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	model, err := f.Open(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	defer handler.Close(model)
	random, offered, hopeless := rand.New(rand.NewPCG(5, 6)), 0, 0
	for range requests {
		r, memory := f.Draw(random), int64(100+random.IntN(400))<<20
		if random.IntN(3) == 0 {
			memory *= 8
		}
		if random.IntN(3) == 0 {
			r.Held = random.Int64N(64 << 20)
		}
		err := f.Check(model, memory, r)
		if err == nil {
			continue
		}
		if !errdefs.IsInvalidArgument(err) || strings.Contains(err.Error(), "\n") {
			t.Fatal(err)
		}
		if n := f.take(t, model, memory, r, err.Error()); n > 0 {
			offered++
		} else {
			f.give(t, model, memory, r, err.Error())
			hopeless++
		}
	}
	if t.Logf("of %d requests %d were offered another clip, %d none", requests, offered, hopeless); offered < requests/8 || hopeless == 0 {
		t.Error("too few to say anything")
	}
}

var (
	offers   = regexp.MustCompile(`(num_frames|window) (\d+)|(\d+) × (\d+)(?: with (\d+) frames?)?`)
	smallest = regexp.MustCompile(`^even a clip of (\d+) × (\d+)(?: with (\d+) frames? at once)? takes .* give it ([0-9.]+) (MiB|GiB) or more`)
)

// take asks for each clip that a refusal offers, and says how many there were.
func (f Offering) take(t *testing.T, m handler.Model, memory int64, r handler.Request, says string) (n int) {
	t.Helper()
	_, would, _ := strings.Cut(says, "this instance may take ")
	_, would, _ = strings.Cut(would, ": ")
	would, _, ok := strings.Cut(would, " would fit")
	if !ok {
		return 0
	}
	for _, o := range offers.FindAllStringSubmatch(would, -1) {
		n++
		if err := f.Check(m, memory, changed(r, o[1], o[2], o[3], o[4], o[5])); err != nil {
			t.Errorf("in %d MiB: %q offers %q, which is told %q", memory>>20, says, o[0], err)
		}
	}
	return n
}

// give asks for the smallest clip in the memory that there is, and in what a refusal says that it takes.
func (f Offering) give(t *testing.T, m handler.Model, memory int64, r handler.Request, says string) {
	t.Helper()
	o := smallest.FindStringSubmatch(says)
	if o == nil {
		t.Fatalf("%q offers nothing", says)
	}
	small := changed(r, "", "", o[1], o[2], o[3])
	if err := f.Check(m, memory, small); err == nil {
		t.Errorf("in %d MiB: %q, and it fits", memory>>20, says)
	}
	more, _ := strconv.ParseFloat(o[4], 64)
	if o[5] == "GiB" {
		more *= 1 << 10
	}
	if err := f.Check(m, int64(more*(1<<20)), small); err != nil {
		t.Errorf("%q, and in so much it is told %q", says, err)
	}
}

// changed is a request with what was offered instead.
func changed(r handler.Request, field, value, width, height, frames string) handler.Request {
	number := func(to *int, text string) {
		if n, err := strconv.Atoi(text); err == nil {
			*to = n
		}
	}
	number(&r.Width, width)
	number(&r.Height, height)
	number(&r.NumFrames, frames)
	switch field {
	case "num_frames":
		number(&r.NumFrames, value)
	case "window":
		n, _ := strconv.ParseFloat(value, 64)
		values := map[string]any{}
		for k, v := range r.Values {
			values[k] = v
		}
		values[field], r.Values = n, values
	}
	return r
}
