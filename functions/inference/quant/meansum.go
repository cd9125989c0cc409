package quant

import "math/bits"

const (
	sumLanes  = 8 // float32 of one of PyTorch's vectors
	sumILP    = 4 // vectors that it sums at once
	sumLevels = 4 // of partial sums
)

// mean is PyTorch's on one thread of a CPU, bit for bit: v's sum, rounded where it rounds it, over its length.
func mean(v []float32) float32 {
	lanes := sumLanes
	if len(v) < lanes {
		lanes = 1
	}
	vectors := len(v) / lanes
	row := lanes * sumILP
	sums := cascade(v, row, vectors/sumILP)
	for at := vectors / sumILP * row; at < vectors*lanes; at += lanes {
		add(sums[:lanes], v[at:])
	}
	for at := lanes; at < row; at += lanes {
		add(sums[:lanes], sums[at:])
	}
	sum := float32(0)
	for _, x := range v[vectors*lanes:] {
		sum += x
	}
	for _, x := range sums[:lanes] {
		sum += x
	}
	return sum / float32(len(v))
}

// cascade sums rows of v by column: some rows into the first of four sums, that into the next whenever it is full, and so on.
func cascade(v []float32, row, rows int) []float32 {
	power := max(4, bits.Len(uint(max(rows-1, 1)))/sumLevels)
	step, sums := 1<<power, [sumLevels][]float32{}
	for level := range sums {
		sums[level] = make([]float32, row)
	}
	i := 0
	for ; i+step <= rows; carry(&sums, i, power) {
		for end := i + step; i < end; i++ {
			add(sums[0], v[i*row:])
		}
	}
	for ; i < rows; i++ {
		add(sums[0], v[i*row:])
	}
	for _, upper := range sums[1:] {
		add(sums[0], upper)
	}
	return sums[0]
}

// carry moves sums up after i rows: beyond a level only when that is full.
func carry(sums *[sumLevels][]float32, i, power int) {
	for level := 1; level < sumLevels; level++ {
		add(sums[level], sums[level-1])
		clear(sums[level-1])
		if i&((1<<power-1)<<(level*power)) != 0 {
			return
		}
	}
}

// add adds the first of v to to.
func add(to, v []float32) {
	for i := range to {
		to[i] += v[i]
	}
}
