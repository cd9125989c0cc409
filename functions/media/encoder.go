package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/containerd/errdefs"
)

// Spec is what a clip shall be.
type Spec struct {
	Width, Height int     // pixels, even
	FPS           float64 // constant
	Comment       string  // metadata, such as the request's parameters as JSON
	Dir           string  // where the file is made; "" is the system's temporary folder
	// Piece gets a Streamer's clip as it comes, with the number of frames in it; Whole asks it for the file as well.
	Piece func(mp4 []byte, frames int) error
	Whole bool
}

// Encoder makes one MP4 (H.264, yuv420p, BT.709, index in front) out of raw RGB frames, with AAC where there is sound. One
// goroutine uses it.
type Encoder struct {
	spec   Spec
	ctx    context.Context // of the process, which it outlives nowhere
	stop   context.CancelCauseFunc
	cmd    *exec.Cmd
	in     io.WriteCloser
	said   *tail
	path   string
	frames int
	broken error  // writing failed: ffmpeg has gone, Close says why
	sound  *track // nil: none yet
}

// File is a finished clip. Whoever has it removes it.
type File struct {
	Path    string
	Size    int64   // bytes
	Frames  int     // of picture
	Seconds float64 // of sound, 0: none
	Type    string  // "video/mp4", "audio/wav"
}

// NewEncoder starts ffmpeg. The caller must Close or Abort.
func NewEncoder(ctx context.Context, s Spec) (*Encoder, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	path, err := emptyFile(s.Dir, "clip-*.mp4")
	if err != nil {
		return nil, err
	}
	s.Dir = filepath.Dir(path)
	e := &Encoder{spec: s, path: path}
	if err := e.start(ctx); err != nil {
		os.Remove(e.path)
		return nil, err
	}
	return e, nil
}

func (s Spec) check() error {
	if s.Width < 2 || s.Height < 2 || s.Width%2 != 0 || s.Height%2 != 0 || !(s.FPS > 0) {
		return fmt.Errorf("a clip of %d×%d at %g frames a second cannot be encoded; sides must be even: %w", s.Width, s.Height, s.FPS, errdefs.ErrInvalidArgument)
	}
	return nil
}

func emptyFile(dir, pattern string) (string, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return "", fmt.Errorf("cannot make the clip's file: %w", err)
	}
	return f.Name(), f.Close()
}

func (e *Encoder) start(ctx context.Context) (err error) {
	e.ctx, e.stop = context.WithCancelCause(ctx)
	if e.cmd, e.said, err = command(e.ctx, e.spec.args(e.path)...); err == nil {
		e.in, err = e.cmd.StdinPipe()
	}
	if err == nil {
		err = e.cmd.Start()
	}
	if err != nil {
		e.stop(nil)
		return fmt.Errorf("cannot start the encoder: %w", err)
	}
	return nil
}

// args are the whole clip's.
func (s Spec) args(path string) []string {
	return append(append(s.picture(), s.container()...), "-movflags", "+faststart", "-f", "mp4", "-y", path)
}

// picture is what goes in, and the codec: quality 15 leaves the small pictures of test models without visible blocks.
func (s Spec) picture() []string {
	rate := strconv.FormatFloat(s.FPS, 'f', -1, 64)
	return []string{"-probesize", "32", "-fpsprobesize", "0", "-analyzeduration", "0", // there is nothing to find out, and no frame to wait for
		"-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", fmt.Sprintf("%dx%d", s.Width, s.Height), "-framerate", rate, "-i", "pipe:0",
		"-an", "-vf", "scale=out_color_matrix=bt709:out_range=tv", "-c:v", "libx264", "-preset", "medium", "-crf", "15", "-pix_fmt", "yuv420p",
		"-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv", "-r", rate, "-fps_mode", "cfr"}
}

// container keeps the comment, and nothing that differs from run to run: bitexact keeps versions and times out of the file.
func (s Spec) container() []string {
	return []string{"-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1", "-metadata", "comment=" + s.Comment}
}

// Frame adds one frame, width·height·3 bytes. It blocks while ffmpeg is behind.
func (e *Encoder) Frame(rgb []byte) error {
	if len(rgb) != e.spec.Width*e.spec.Height*3 {
		return fmt.Errorf("a frame has %d bytes, not %d×%d×3: %w", len(rgb), e.spec.Width, e.spec.Height, errdefs.ErrInvalidArgument)
	}
	if e.broken == nil {
		if _, e.broken = e.in.Write(rgb); e.broken == nil {
			e.frames++
			return nil
		}
	}
	return fmt.Errorf("the encoder has stopped taking frames: %w", e.broken)
}

// Close ends the clip and waits for the file. On an error nothing is left behind.
func (e *Encoder) Close() (*File, error) {
	err := e.finish()
	if err == nil && e.sound != nil {
		err = e.addSound()
	}
	e.sound.remove()
	if e.ctx.Err() == nil {
		defer e.stop(nil)
	}
	if err != nil {
		os.Remove(e.path)
		return nil, failure(e.ctx, filepath.Dir(e.path), e.said, err)
	}
	return (&File{Path: e.path, Frames: e.frames, Seconds: e.sound.seconds(), Type: "video/mp4"}).measured()
}

// finish ends the pictures.
func (e *Encoder) finish() error {
	closeErr := e.in.Close()
	if err := e.cmd.Wait(); err != nil {
		return err
	}
	if err := errors.Join(e.broken, closeErr); err != nil {
		return err
	}
	if e.frames == 0 {
		return errors.New("no frame was given")
	}
	return nil
}

func (f *File) measured() (*File, error) {
	st, err := os.Stat(f.Path)
	if err != nil {
		return nil, fmt.Errorf("the clip has gone: %w", err)
	}
	f.Size = st.Size()
	return f, nil
}

// Abort ends ffmpeg and removes what there is. After Close it does nothing.
func (e *Encoder) Abort() {
	if e.cmd.ProcessState != nil {
		return
	}
	e.stop(nil)
	e.in.Close()
	_ = e.cmd.Wait() // killed on purpose
	e.sound.remove()
	os.Remove(e.path)
}

// Broken says that ffmpeg stopped taking frames: Close tells why.
func (e *Encoder) Broken() bool { return e.broken != nil }
