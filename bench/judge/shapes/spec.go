// Package shapes says what the demo checkpoint was trained on: what a prompt may name, and how it looks. It follows
// images/demo/training/shapes.py; the draws are its own, not Python's.
package shapes

import (
	"math/rand/v2"
	"strings"
)

// RGB is a colour, each part 0…1.
type RGB [3]float64

// Named is a colour with its word.
type Named struct {
	Name string
	RGB  RGB
}

// What a prompt may name.
var (
	Colors = []Named{{"red", RGB{.90, .10, .10}}, {"green", RGB{.10, .72, .20}}, {"blue", RGB{.15, .30, .95}}, {"yellow", RGB{.98, .88, .10}},
		{"orange", RGB{1.0, .52, .05}}, {"purple", RGB{.60, .15, .80}}, {"white", RGB{1, 1, 1}}, {"pink", RGB{1, .50, .75}}}
	Backgrounds = []Named{{"black", RGB{.02, .02, .03}}, {"gray", RGB{.42, .43, .45}}, {"navy", RGB{.03, .06, .25}}, {"teal", RGB{0, .38, .40}},
		{"brown", RGB{.32, .20, .12}}, {"cream", RGB{.93, .88, .74}}}
	Shapes  = []string{"circle", "square", "triangle", "star", "ring"}
	Motions = []string{"moving right", "moving left", "moving up", "moving down", "bouncing", "circling", "spinning", "growing", "shrinking", "standing still"}
	Speeds  = []string{"slowly", "", "quickly"}
	Sizes   = []string{"small", "", "big"}
)

var templates = []string{
	"a {size} {color} {shape} {motion} {speed} on a {bg} background",
	"a {color} {shape} {motion} {speed} on a {bg} background",
	"a video of a {size} {color} {shape} {motion} {speed}, {bg} background",
	"{size} {color} {shape}, {motion} {speed}, {bg} background",
	"on a {bg} background, a {size} {color} {shape} is {motion} {speed}",
}

// Spec is what one prompt asks for, in the words above.
type Spec struct {
	Color, Shape, Motion, Background, Size, Speed string
	Sound                                         string // of the LTX-2 demo alone, see Sounds
}

// Draw draws a spec, every word as likely as the others of its kind.
func Draw(r *rand.Rand) Spec {
	s := Spec{Color: pick(r, Colors).Name, Shape: pick(r, Shapes), Motion: pick(r, Motions), Background: pick(r, Backgrounds).Name,
		Size: pick(r, Sizes), Speed: pick(r, Speeds)}
	switch s.Motion {
	case "growing", "shrinking", "standing still":
		s.Speed = ""
	}
	return s
}

// Caption puts a spec into words; some ways of saying leave the size out.
func (s Spec) Caption(r *rand.Rand) string {
	text := strings.NewReplacer("{size}", s.Size, "{color}", s.Color, "{shape}", s.Shape, "{motion}", s.Motion,
		"{speed}", s.Speed, "{bg}", s.Background).Replace(pick(r, templates))
	return strings.Join(strings.Fields(strings.ReplaceAll(text, " ,", ",")), " ")
}

// Rand is the generator that seed stands for.
func Rand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x766964656f736478)) }

// Find is the colour with a name.
func Find(table []Named, name string) (RGB, bool) {
	for _, n := range table {
		if n.Name == name {
			return n.RGB, true
		}
	}
	return RGB{}, false
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }
