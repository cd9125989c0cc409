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
}

// Encoder makes one MP4 (H.264, yuv420p, BT.709, index in front) out of raw RGB frames. One goroutine uses it.
type Encoder struct {
	spec   Spec
	ctx    context.Context // of the process, which it outlives nowhere
	stop   context.CancelFunc
	cmd    *exec.Cmd
	in     io.WriteCloser
	said   *tail
	path   string
	frames int
	broken error // writing failed: ffmpeg has gone, Close says why
}

// File is a finished clip. Whoever has it removes it.
type File struct {
	Path   string
	Size   int64 // bytes
	Frames int
}

// NewEncoder starts ffmpeg. The caller must Close or Abort.
func NewEncoder(ctx context.Context, s Spec) (*Encoder, error) {
	if s.Width < 2 || s.Height < 2 || s.Width%2 != 0 || s.Height%2 != 0 || !(s.FPS > 0) {
		return nil, fmt.Errorf("a clip of %d×%d at %g frames a second cannot be encoded; sides must be even: %w", s.Width, s.Height, s.FPS, errdefs.ErrInvalidArgument)
	}
	if s.Dir == "" {
		s.Dir = os.TempDir()
	}
	f, err := os.CreateTemp(s.Dir, "clip-*.mp4")
	if err != nil {
		return nil, fmt.Errorf("cannot make the clip's file: %w", err)
	}
	f.Close()
	e := &Encoder{spec: s, path: f.Name()}
	if err := e.start(ctx); err != nil {
		os.Remove(e.path)
		return nil, err
	}
	return e, nil
}

func (e *Encoder) start(ctx context.Context) (err error) {
	e.ctx, e.stop = context.WithCancel(ctx)
	if e.cmd, e.said, err = command(e.ctx, e.spec.args(e.path)...); err == nil {
		if e.in, err = e.cmd.StdinPipe(); err == nil {
			err = e.cmd.Start()
		}
	}
	if err != nil {
		e.stop()
		return fmt.Errorf("cannot start the encoder: %w", err)
	}
	return nil
}

// args: quality 15 leaves the small pictures of test models without visible blocks. bitexact keeps versions and times out
// of the file.
func (s Spec) args(path string) []string {
	rate := strconv.FormatFloat(s.FPS, 'f', -1, 64)
	return []string{"-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", fmt.Sprintf("%dx%d", s.Width, s.Height), "-framerate", rate, "-i", "pipe:0",
		"-an", "-vf", "scale=out_color_matrix=bt709:out_range=tv", "-c:v", "libx264", "-preset", "medium", "-crf", "15", "-pix_fmt", "yuv420p",
		"-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv", "-r", rate, "-fps_mode", "cfr",
		"-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1", "-metadata", "comment=" + s.Comment,
		"-movflags", "+faststart", "-f", "mp4", "-y", path}
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
	closeErr := e.in.Close()
	err := e.cmd.Wait()
	ctx := e.ctx
	if ctx.Err() == nil {
		defer e.stop()
	}
	if err == nil {
		err = errors.Join(e.broken, closeErr)
	}
	if err == nil && e.frames == 0 {
		err = errors.New("no frame was given")
	}
	if err != nil {
		os.Remove(e.path)
		return nil, failure(ctx, filepath.Dir(e.path), e.said, err)
	}
	st, err := os.Stat(e.path)
	if err != nil {
		return nil, fmt.Errorf("the clip has gone: %w", err)
	}
	return &File{Path: e.path, Size: st.Size(), Frames: e.frames}, nil
}

// Abort ends ffmpeg and removes what there is. After Close it does nothing.
func (e *Encoder) Abort() {
	if e.cmd.ProcessState != nil {
		return
	}
	e.stop()
	e.in.Close()
	_ = e.cmd.Wait() // killed on purpose
	os.Remove(e.path)
}

// Broken says that ffmpeg stopped taking frames: Close tells why.
func (e *Encoder) Broken() bool { return e.broken != nil }
