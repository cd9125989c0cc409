package media

import (
	"image"
	"runtime"
	"sync"
)

const (
	// gap is how many pixels remain for each that is needed: from three on, a box in front of the real filter makes no
	// difference that could be seen.
	gap = 3
	// leastNeed is the smallest side that is kept in mind: encoders of images look at squares of 224 to 512 pixels.
	leastNeed = 512
	// keptPixels bounds what remains.
	keptPixels = 16 << 20
)

// reduce makes a picture upright, and smaller by a whole number while it has far more pixels than needed.
func reduce(r rows, orientation int, need image.Point) RGB {
	o := orient{r.width, r.height, orientation}
	f := o.factor(need)
	o.w, o.h = (r.width+f-1)/f, (r.height+f-1)/f
	out := RGB{}
	out.Width, out.Height = o.size()
	out.Pix = make([]byte, 3*out.Width*out.Height)
	inParallel(o.h, func(from, to int) {
		read := r.reader()
		line, sums := make([]byte, 3*r.width), make([]int, 3*o.w)
		for y := from; y < to; y++ {
			if f == 1 {
				read(y, line)
			} else {
				r.box(y, f, read, line, sums)
			}
			for x := range o.w {
				copy(out.Pix[3*o.at(x, y):], line[3*x:3*x+3])
			}
		}
	})
	return out
}

// box averages squares of f × f pixels, smaller ones at the far edges, into the beginning of line.
func (r rows) box(y, f int, read func(int, []byte), line []byte, sums []int) {
	clear(sums)
	high := min(f, r.height-y*f)
	for i := range high {
		read(y*f+i, line)
		for x, at := 0, 0; x < r.width; at += 3 {
			end := min(x+f, r.width)
			for ; x < end; x++ {
				sums[at] += int(line[3*x])
				sums[at+1] += int(line[3*x+1])
				sums[at+2] += int(line[3*x+2])
			}
		}
	}
	for i, s := range sums {
		n := high * min(f, r.width-i/3*f)
		line[i] = byte((s + n/2) / n)
	}
}

// orient knows where the pixels of a stored picture of w × h belong.
type orient struct{ w, h, exif int }

func (o orient) size() (w, h int) {
	if o.exif >= 5 {
		return o.h, o.w
	}
	return o.w, o.h
}

// at is the index in the upright picture of the stored pixel x, y.
func (o orient) at(x, y int) int {
	switch o.exif {
	case 2, 3:
		x = o.w - 1 - x
	case 6, 7:
		y = o.h - 1 - y
	}
	switch o.exif {
	case 3, 4:
		y = o.h - 1 - y
	case 7, 8:
		x = o.w - 1 - x
	}
	if o.exif >= 5 {
		return x*o.h + y
	}
	return y*o.w + x
}

func (o orient) factor(need image.Point) int {
	w, h := o.size()
	f := max(1, min(w/(gap*max(need.X, leastNeed)), h/(gap*max(need.Y, leastNeed))))
	for w/f*(h/f) > keptPixels {
		f++
	}
	return f
}

// inParallel calls f for parts of 0…n on every processor.
func inParallel(n int, f func(from, to int)) {
	parts := max(min(runtime.GOMAXPROCS(0), n/16), 1)
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() { f(n*i/parts, n*(i+1)/parts) })
	}
	wg.Wait()
}
