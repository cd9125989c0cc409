package media

import (
	"runtime"
	"strings"
)

// EncoderMemory is what ffmpeg takes at most to make a clip of such pictures, in bytes: itself, the frames that x264 looks ahead and
// back at, and some more for each of its threads, of which it starts three for two processors. Measured: 36 MB for 256 × 256, 232 for
// 1280 × 704 on two processors, 472 with 24 threads; 5 to 30 % below.
func EncoderMemory(width, height int) int64 {
	const itself, lookahead, thread = 24 << 20, 170, 8
	threads := int64(min(runtime.NumCPU()*3/2, 128))
	return itself + (lookahead+thread*threads)*int64(width)*int64(height)*3/2
}

// DecoderMemory is what ffmpeg takes at most to read the clip, in bytes: itself, as many frames as codecs look back at and its filters and
// two threads work on, its index, and the pictures on their way out as RGB here and there.
func (c Clip) DecoderMemory() int64 {
	const itself, frames, outside, linear, atOnce, entry = 32 << 20, 20, 4, 12, 6, 64
	pixels := float64(c.picture.Width) * float64(c.picture.Height)
	sum := frames*c.picture.bytesPerPixel()*pixels + outside*3*float64(c.Width)*float64(c.Height)
	if c.picture.bright() {
		sum += atOnce * linear * pixels
	}
	return itself + entry*c.indexed + int64(sum)
}

// bytesPerPixel is what a decoded pixel takes at most.
func (s stream) bytesPerPixel() float64 {
	n := 4.0
	for sampling, samples := range map[string]float64{"yuv420": 1.5, "yuvj420": 1.5, "yuv422": 2, "yuvj422": 2, "yuv444": 3, "yuvj444": 3, "gray": 1, "nv12": 1.5} {
		if strings.HasPrefix(s.Pixels, sampling) {
			n = samples
		}
	}
	if strings.HasSuffix(s.Pixels, "le") || strings.HasSuffix(s.Pixels, "be") { // more than eight bits have an order
		n *= 2
	}
	return n
}
