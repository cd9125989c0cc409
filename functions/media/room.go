package media

import "runtime"

// EncoderMemory is what ffmpeg takes at most to make a clip of such pictures, in bytes: itself, the frames that x264 looks ahead and
// back at, and some more for each of its threads, of which it starts three for two processors. Measured: 36 MB for 256 × 256, 232 for
// 1280 × 704 on two processors, 472 with 24 threads; 5 to 30 % below.
func EncoderMemory(width, height int) int64 {
	const itself, lookahead, thread = 24 << 20, 170, 8
	threads := int64(min(runtime.NumCPU()*3/2, 128))
	return itself + (lookahead+thread*threads)*int64(width)*int64(height)*3/2
}
