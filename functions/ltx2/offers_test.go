package ltx2

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/schema"
)

// offersOf finds the changes that a sentence offers, fieldOf which field it is about.
var (
	offersOf = regexp.MustCompile(`[:;,] ?(?:or )?(?:(num_frames|fps) of at (?:most|least) ([0-9.e+]+)|audio (false))|([0-9]+) or ([0-9]+) would do|: ([0-9.]+) would do|at most ([0-9]+) (?:is|are) possible`)
	fieldOf  = regexp.MustCompile(`^(?:(width|height|num_frames|fps)|[0-9]+ frames? at)`)
)

// offered are the requests that a refusal says would do.
func offered(r handler.Request, says string) (all []handler.Request) {
	set := func(field, value string) {
		f, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return
		}
		o := r
		switch field {
		case "width":
			o.Width = int(f)
		case "height":
			o.Height = int(f)
		case "num_frames":
			o.NumFrames = int(f)
		case "fps":
			o.FPS = f
		}
		all = append(all, o)
	}
	about := fieldOf.FindStringSubmatch(says)[1]
	for _, m := range offersOf.FindAllStringSubmatch(says, -1) {
		set(m[1], m[2])
		for _, value := range m[4:] {
			set(about, value)
		}
		if m[3] != "" {
			o := r
			o.Values = map[string]any{"audio": false}
			all = append(all, o)
		}
	}
	return all
}

// Whatever a refusal offers is taken, at any size, length and rate, with sound and without: one refusal at a time, and where another
// field is wrong too that one is told next, never the one that was mended.
func TestWhatIsOfferedIsTaken(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	random := rand.New(rand.NewPCG(3, 4))
	pick := func(all ...float64) float64 { return all[random.IntN(len(all))] }
	for range 300 {
		r := small()
		r.Width, r.Height = int(pick(64, 32, 1, 63, 5000, 1e9, float64(random.IntN(9000)))), int(pick(64, 32, 1, 4097, float64(random.IntN(9000))))
		r.NumFrames = int(pick(1, 9, 10, 1441, 1449, 1e9, float64(random.IntN(3000)), float64(random.IntN(100)), -5))
		r.FPS = pick(24, 25, 30, 60, 71.9, 120, 1, 1.5, 23.976, 1+random.Float64()*119, float64(1+random.IntN(120)))
		r.Values = map[string]any{"audio": random.IntN(2) == 0}
		settle(t, m, r, 0)
	}
}

// settle takes each offer of a refusal until the request is right.
func settle(t *testing.T, m Model, r handler.Request, after int) {
	t.Helper()
	_, err := m.order(r)
	if err == nil {
		return
	}
	offers := offered(r, err.Error())
	if len(offers) == 0 {
		t.Fatalf("%q offers nothing", err)
	}
	if after > 4 {
		t.Fatalf("%d × %d, %d frames at %g: %q, after five that were mended", r.Width, r.Height, r.NumFrames, r.FPS, err)
	}
	about := fieldOf.FindString(err.Error())
	for _, o := range offers {
		if _, next := m.order(o); next != nil && fieldOf.FindString(next.Error()) == about {
			t.Fatalf("%q offers %d × %d, %d frames at %g, which is told %q", err, o.Width, o.Height, o.NumFrames, o.FPS, next)
		}
		settle(t, m, o, after+1)
	}
}

// What the schema offers is taken by the model too, at every rate: the gateway refuses by the schema before the model is asked.
func TestWhatTheSchemaOffersIsTaken(t *testing.T) {
	m := openModel(t, tinyBundle(t))
	d := m.Describe()
	d.Schema = nil
	s, err := schema.Compile(handler.Schema(d))
	if err != nil {
		t.Fatal(err)
	}
	would := regexp.MustCompile(`([0-9]+) would do`)
	for _, frames := range []string{"1000000000", "1442", "1443", "2000", "-5", "0", "3", "700.5"} {
		for _, fps := range []float64{0, 1, 7.3, 24, 25, 30, 50, 60, 71.9, 72.3, 120, 1000} {
			o := schema.Object{"prompt": "a", "num_frames": json.Number(frames)}
			r := small()
			r.Values = map[string]any{"audio": false}
			if fps > 0 {
				o["fps"], r.FPS = json.Number(strconv.FormatFloat(fps, 'g', -1, 64)), fps
			}
			if fps == 0 || fps > maxFPS { // left out, or told besides
				r.FPS = m.defaults.FPS
			}
			for _, bad := range s.Check(o) {
				for _, n := range would.FindAllStringSubmatch(bad.Detail, -1) {
					if bad.Field == "num_frames" {
						r.NumFrames, _ = strconv.Atoi(n[1])
						if _, err := m.order(r); err != nil {
							t.Errorf("%q at %g: %v", bad.Detail, r.FPS, err)
						}
					}
				}
			}
		}
	}
}
