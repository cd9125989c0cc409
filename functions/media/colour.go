package media

import "image/color"

// straight is a palette's colour without its transparency.
func straight(c color.Color) [3]byte {
	switch v := c.(type) {
	case color.RGBA:
		return [3]byte{v.R, v.G, v.B}
	case color.NRGBA:
		return [3]byte{v.R, v.G, v.B}
	}
	r, g, b, _ := c.RGBA()
	return [3]byte{byte(r >> 8), byte(g >> 8), byte(b >> 8)}
}

// jfif turns YCbCr of the full range into RGB (ITU-R T.871), in 16 bits of fraction as libjpeg has it.
func jfif(y, cb, cr int32, dst []byte) {
	const half = 1 << 15
	cb, cr = cb-128, cr-128
	dst[0] = clamp(y + (91881*cr+half)>>16)
	dst[1] = clamp(y + (-22554*cb-46802*cr+half)>>16)
	dst[2] = clamp(y + (116130*cb+half)>>16)
}

// bt601 turns YCbCr of the range of video into RGB, with libwebp's constants.
func bt601(y, cb, cr int32, dst []byte) {
	luma := y * 19077 >> 8
	dst[0] = clamp((luma + cr*26149>>8 - 14234) >> 6)
	dst[1] = clamp((luma - cb*6419>>8 - cr*13320>>8 + 8708) >> 6)
	dst[2] = clamp((luma + cb*33050>>8 - 17685) >> 6)
}

func clamp(v int32) byte { return byte(min(max(v, 0), 255)) }
