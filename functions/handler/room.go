package handler

import "github.com/videosdgx/videosdgx/functions/media"

// beside is what an instance takes in bytes, whatever it makes: itself when it is idle (33 MB), the runtime's program that starts
// it, what its engine's pool keeps (32 MiB), and the clip's file, since an instance's temporary folder lies in memory.
const beside = 128 << 20

// Beside is what an instance takes on the CPU beside what its model does while it makes a clip of such pictures, in bytes.
func Beside(width, height int) int64 { return beside + media.EncoderMemory(width, height) }
