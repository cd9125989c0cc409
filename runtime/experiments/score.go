package experiments

import "math"

// Score is how the votes stand. Rate is arm 0's share of the votes that are no ties; Low and High are Wilson's interval of
// it (Wilson 1927, with the normal quantile of the criterion's confidence).
type Score struct {
	Votes [2]int  `json:"votes"` // by arm
	Ties  int     `json:"ties"`
	Rate  float64 `json:"rate"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Score counts the votes.
func (e *Experiment) Score() Score {
	var s Score
	for _, p := range e.Pairs {
		for _, v := range p.Votes {
			if v.Arm == Tie {
				s.Ties++
			} else {
				s.Votes[v.Arm]++
			}
		}
	}
	s.Rate, s.Low, s.High = wilson(s.Votes[0], s.Votes[0]+s.Votes[1], e.Criterion.Confidence)
	return s
}

// wilson gives the share k of n and its interval; without votes anything is possible.
func wilson(k, n int, confidence float64) (rate, low, high float64) {
	if n == 0 {
		return 0.5, 0, 1
	}
	z := math.Sqrt2 * math.Erfinv(confidence)
	p, m := float64(k)/float64(n), float64(n)
	mid := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return p, max(0, mid-half), min(1, mid+half)
}

// decides gives the winning arm, once there are enough votes and the interval leaves one half out.
func (s Score) decides(c Criterion) (arm int, ok bool) {
	switch {
	case s.Votes[0]+s.Votes[1] < c.Votes:
		return 0, false
	case s.Low > 0.5:
		return 0, true
	case s.High < 0.5:
		return 1, true
	}
	return 0, false
}
