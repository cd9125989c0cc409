package media

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
)

// Clip is a video file that a request brought, of which the head has been read.
type Clip struct {
	Path          string
	Width, Height int     // pixels, as it is shown
	FPS           float64 // on average; frames need not lie at equal distances: Pace
	Seconds       float64
	Sound         bool
	format        string
	picture       stream
	indexed       int64 // frames that the file's index names
}

// The bounds of a clip. A decoder keeps up to sixteen frames of it.
const (
	clipPixels  = 4096 * 2304
	clipSeconds = 3600
	clipFPS     = 1000
)

// OpenClip reads what a video file says of itself: MP4, QuickTime, WebM, Matroska or AVI, in a codec that is known. The error is
// errdefs.ErrInvalidArgument and one sentence where the file is to blame.
func OpenClip(ctx context.Context, path string) (Clip, error) {
	return OpenClipWithin(ctx, path, mostReading)
}

// OpenClipWithin is OpenClip where no more than so many bytes of memory may be taken, LeastReading or more.
func OpenClipWithin(ctx context.Context, path string, memory int64) (Clip, error) {
	k, err := clipKind(path)
	if err != nil {
		return Clip{}, err
	}
	p, err := probe(ctx, path, k, max(min(memory-readerSpace, mostReading), LeastReading))
	if err != nil {
		return Clip{}, err
	}
	s, err := p.picture(k.name)
	if err != nil {
		return Clip{}, err
	}
	c := Clip{Path: path, FPS: s.rate(), Seconds: p.seconds(s), Sound: p.has("audio"), format: k.format, picture: s, indexed: s.indexed(k)}
	if c.Width, c.Height = s.shown(); s.sideways() {
		c.Width, c.Height = c.Height, c.Width
	}
	if c.Seconds <= 0 { // written while it was recorded, and never finished
		pace, err := c.Pace(ctx)
		if err != nil {
			return c, err
		}
		if pace.Frames == 0 {
			return c, wrongClip("it has no frames: %s", acceptedClips)
		}
		c.Seconds, c.FPS = pace.seconds(), pace.rate()
	}
	return c, c.check()
}

func (c Clip) check() error {
	switch {
	case c.Width < 1 || c.Height < 1 || c.Width > clipPixels/c.Height:
		return wrongClip("it has %d×%d pixels: %d×%d at most", c.Width, c.Height, 4096, 2304)
	case !(c.FPS > 0) || c.FPS > clipFPS:
		return wrongClip("it has %g frames a second: more than 0 and at most %d", c.FPS, clipFPS)
	case c.indexed > mostFrames:
		return wrongClip("its index names %d frames: %d at most, send a shorter one", c.indexed, mostFrames)
	case !(c.Seconds > 0) || c.Seconds > clipSeconds:
		return wrongClip("it lasts %.0f s: more than 0 and at most %d", c.Seconds, clipSeconds)
	}
	return nil
}

func wrongClip(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, errdefs.ErrInvalidArgument)...)
}

// Frames gives the clip's first n frames (n < 1: all) at fps frames a second, whatever distances the file has them at. A frame
// is valid until give returns; give's error ends it. A file that ends before it says it does is an error.
func (c Clip) Frames(ctx context.Context, fps float64, n int, give func(RGB) error) error {
	whole := ctx
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd, said, err := command(ctx, c.args(fps, n)...)
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = start(cmd, c.DecoderMemory())
	}
	if cause := context.Cause(whole); cause != nil {
		return cause
	}
	if err != nil {
		return fmt.Errorf("cannot start ffmpeg: %w", err)
	}
	got, giveErr := eachPPM(bufio.NewReaderSize(out, 1<<20), give)
	if giveErr != nil && !errors.Is(giveErr, io.ErrUnexpectedEOF) { // then it is ending by itself
		stop()
	}
	err = cmd.Wait()
	switch want := c.frames(fps, n); {
	case whole.Err() != nil:
		return context.Cause(whole)
	case giveErr != nil && !errors.Is(giveErr, io.ErrUnexpectedEOF):
		return giveErr
	case said.outgrew(err):
		return c.outgrown(fmt.Sprintf("after %d frames", got))
	case err != nil || got < want-1-want/50:
		return wrongClip("the clip ends or breaks after %d of %d frames%s: send the whole file", got, want, said.why(c.Path))
	}
	return nil
}

// outgrown refuses a clip that takes more memory than its head says.
func (c Clip) outgrown(when string) error {
	return wrongClip("%s it takes more memory than its head says, %d MiB, as clips do that turn larger on the way: send what %s", when, c.DecoderMemory()>>20, remade)
}

func (c Clip) frames(fps float64, n int) int {
	all := int(math.Floor(c.Seconds * fps))
	if n > 0 {
		return min(n, all)
	}
	return all
}

func (c Clip) args(fps float64, n int) []string {
	args := append(clipInput(c.format), "-i", c.Path, "-map", "0:"+strconv.Itoa(c.picture.Index), "-vf", c.picture.filters(fps), "-sws_flags", "bicubic+accurate_rnd+full_chroma_int")
	if n > 0 {
		args = append(args, "-frames:v", strconv.Itoa(n))
	}
	return append(args, "-filter_threads", "2", "-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-c:v", "ppm", "-threads:v", "1", "-f", "image2pipe", "pipe:1")
}

// filters bring frames to an even rate, and to what other screens and networks expect: whole frames, square pixels, the usual colours.
func (s stream) filters(fps float64) string {
	var all []string
	if s.interlaced() {
		all = append(all, "bwdif=mode=send_frame:deint=interlaced")
	}
	all = append(all, "fps="+strconv.FormatFloat(fps, 'f', -1, 64)+":round=near")
	if s.bright() {
		all = append(all, "zscale=transferin="+s.Transfer+":primariesin=bt2020:matrixin=bt2020nc:transfer=linear:npl=100", "format=gbrpf32le",
			"zscale=primaries=bt709", "tonemap=hable:desat=0", "zscale=transfer=bt709:matrix=bt709:range=tv", "format=yuv444p")
	}
	if w, h := s.shown(); w != s.Width || h != s.Height {
		all = append(all, "scale=w='if(gt(sar,1),round(iw*sar),iw)':h='if(gt(sar,1),ih,round(ih/sar))'", "setsar=1")
	}
	return strings.Join(all, ",")
}

// clipInput keeps ffmpeg to the one format that the file has, and to this file: playlists, which name others, are formats too.
func clipInput(format string) []string {
	return []string{"-protocol_whitelist", "file", "-format_whitelist", format, "-max_pixels", strconv.Itoa(clipPixels), "-threads", "2"}
}
