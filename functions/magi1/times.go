package magi1

import "slices"

// times are the steps+1 times of a chunk, from 0, noise, to 1, clean. Every operation is rounded to float32, as in the published
// code: a threshold lies on the grid, and the last bit decides.
func times(steps int, shortcut, kind string, shift float64) []float32 {
	t := linspace(steps + 1)
	if steps == 12 {
		t = shortcutTimes(shortcut)
	}
	for i, x := range t {
		switch kind {
		case "", "sd3":
			t[i] = shifted(x*x, shift)
		case "square":
			t[i] = x * x
		case "piecewise":
			t[i] = piecewise(x)
		}
	}
	return t
}

// linspace is n values from 0 to 1, counted from the nearer end.
func linspace(n int) []float32 {
	out, step := make([]float32, n), 1/float32(n-1)
	for i := range out {
		if i < n/2 {
			out[i] = step * float32(i)
		} else {
			out[i] = 1 - float32(step*float32(n-1-i))
		}
	}
	return out
}

// shortcutTimes leave out one quarter of every four.
func shortcutTimes(shortcut string) (t []float32) {
	quarters := linspace(5)
	base := []float32{quarters[0] / 4, quarters[2] / 4, quarters[3] / 4}
	if shortcut == "16,16,8" {
		base = []float32{quarters[0] / 4, quarters[1] / 4, quarters[2] / 4}
	}
	for _, q := range quarters {
		for _, b := range base {
			t = append(t, b+q)
		}
	}
	return t[:13]
}

// shifted spends more of the steps near the noise.
func shifted(x float32, shift float64) float32 {
	inv := 1 / shift
	under := 1 + float32(float32(inv-1)*x)
	return float32(float32(inv)*x) / under
}

func piecewise(x float32) float32 {
	if x < 0.875 {
		return x * float32(0.5/0.875)
	}
	return 0.5 + float32((x-0.875)*float32(0.5/(1-0.875)))
}

// intervals are the lengths of a chunk's steps, in the unit of a distilled model.
func intervals(steps int, shortcut string) []float64 {
	out := slices.Repeat([]float64{1}, steps)
	if steps%3 != 0 {
		return out
	}
	for i := range out {
		if long := i%3 == 0; long && shortcut != "16,16,8" || i%3 == 2 && shortcut == "16,16,8" {
			out[i] = 2
		}
	}
	return out
}
