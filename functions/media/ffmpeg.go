package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"github.com/containerd/errdefs"
)

// ErrDiskFull says that there was no room for the clip.
var ErrDiskFull = fmt.Errorf("no space left for the clip: %w", errdefs.ErrResourceExhausted)

// FFmpeg finds the program: VIDEOSDGX_FFMPEG, else ffmpeg on the PATH.
func FFmpeg() (string, error) {
	if p := os.Getenv("VIDEOSDGX_FFMPEG"); p != "" {
		if _, err := exec.LookPath(p); err != nil {
			return "", fmt.Errorf("VIDEOSDGX_FFMPEG is %s, which cannot be run (%w): point it to an ffmpeg program: %w", p, err, errdefs.ErrFailedPrecondition)
		}
		return p, nil
	}
	p, err := exec.LookPath("ffmpeg")
	if err != nil {
		return "", fmt.Errorf("ffmpeg is not installed: `apt-get install ffmpeg`, or set VIDEOSDGX_FFMPEG: %w", errdefs.ErrFailedPrecondition)
	}
	return p, nil
}

// tail keeps the end of what ffmpeg says.
type tail struct{ buf []byte }

const tailBytes = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if len(t.buf) > tailBytes {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-tailBytes:]...)
	}
	return len(p), nil
}

func (t *tail) last() string {
	lines := strings.Split(strings.TrimSpace(string(bytes.ToValidUTF8(t.buf, []byte("?")))), "\n")
	return lines[len(lines)-1]
}

var (
	speaker = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\[[^]]* @ 0x[0-9a-f]+\] *`)
	})
	oversized = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`Picture size ([0-9]+)x([0-9]+) exceeds`)
	})
)

// why is the last that was said, in brackets, without this machine's path of the file and the addresses of the program's parts; nothing
// where nothing was said.
func (t *tail) why(path string) string {
	said := strings.TrimSpace(strings.ReplaceAll(speaker().ReplaceAllString(t.last(), ""), path+": ", ""))
	if said == "" {
		return ""
	}
	return " (" + strings.ReplaceAll(said, path, "the file") + ")"
}

// command starts nothing yet; its process is killed when ctx ends.
func command(ctx context.Context, args ...string) (*exec.Cmd, *tail, error) {
	program, err := FFmpeg()
	if err != nil {
		return nil, nil, err
	}
	c := exec.CommandContext(ctx, program, append([]string{"-hide_banner", "-nostdin", "-xerror", "-loglevel", "error"}, args...)...)
	said := &tail{}
	c.Stderr = said
	return c, said, nil
}

// failure explains why ffmpeg ended, from what it said and what writing to it gave.
func failure(ctx context.Context, dir string, said *tail, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("encoding stopped: %w", cause)
	}
	if strings.Contains(string(said.buf), syscall.ENOSPC.Error()) || strings.Contains(string(said.buf), "No space left") || errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%s is full: raise limits.scratch of the function or free space: %w", dir, ErrDiskFull)
	}
	if text := said.last(); text != "" {
		return fmt.Errorf("ffmpeg failed (%w): %s", err, text)
	}
	return fmt.Errorf("ffmpeg failed: %w", err)
}
