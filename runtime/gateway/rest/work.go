package rest

import (
	"maps"

	"github.com/videosdgx/videosdgx/functions/schema"
)

// work is how much there is to do for a request, in pixels times frames times steps, as far as its model has them: what its time grows
// with. The web page's form counts alike.
func work(sch *schema.Schema, fields schema.Object) float64 {
	full := maps.Clone(fields)
	sch.Fill(full)
	n := 1.0
	for _, name := range []string{"width", "height", "num_frames", "num_inference_steps"} {
		if v := full.Number(name); v > 0 {
			n *= v
		}
	}
	return n
}
