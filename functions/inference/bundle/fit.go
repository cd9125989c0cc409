package bundle

// mostSlices is how far attention is cut: beyond that the scores are no longer what takes the memory.
const mostSlices = 64

// Fit cuts attention into as many slices as the stages of a clip need to stay within o.Memory, and returns the plan with
// them. A plan that does not fit even so, or a recipe that cannot count, keeps its options: whoever asked sees the plan.
func Fit(r Recipe, o *Options, c ClipSize) (Plan, error) {
	whole, err := PlanOf(r, *o, c)
	if err != nil || o.Memory <= 0 || whole.fits(o.Memory) {
		return whole, err
	}
	for slices := max(o.AttentionSlices, 1) * 2; slices <= mostSlices; slices *= 2 {
		sliced := *o
		sliced.AttentionSlices = slices
		p, err := PlanOf(r, sliced, c)
		if err != nil {
			return p, err
		}
		if p.fits(o.Memory) {
			*o = sliced
			return p, nil
		}
	}
	return whole, nil
}

func (p Plan) fits(memory int64) bool {
	most := p.Peak()
	return most.total() <= memory
}
