package media

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/videosdgx/videosdgx/internal/filekind"
)

// container is a format of video files: its name as filekind has it, and ffmpeg's.
type container struct{ name, format string }

const quicktime = "mov,mp4,m4a,3gp,3g2,mj2"

var containers = []container{{"MP4", quicktime}, {"QuickTime", quicktime}, {"WebM or Matroska", "matroska,webm"}, {"AVI", "avi"}}

const (
	remake        = "`ffmpeg -i IN -c:v libx264 -pix_fmt yuv420p OUT.mp4` makes"
	makesClip     = remake + " one"
	remade        = remake + " of it"
	acceptedClips = "send an MP4, QuickTime, WebM, Matroska or AVI file (" + makesClip + ")"
)

func clipKind(path string) (container, error) {
	start, err := firstBytes(path)
	if err != nil {
		return container{}, err
	}
	file, _ := filekind.Of(start)
	for _, c := range containers {
		if c.name == file.Name {
			return c, nil
		}
	}
	if _, err := kindOf(start); err == nil {
		return container{}, wrongClip("it is %s, a picture and no clip: %s", file.File(), acceptedClips)
	}
	if file.Name == "HEIC" || file.Name == "AVIF" { // in boxes, as MP4 is
		return container{}, wrongClip("it is a picture, no clip: %s", acceptedClips)
	}
	return container{}, wrongClip("it is no clip that is known here: %s", acceptedClips)
}

func firstBytes(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the clip: %w", err)
	}
	defer f.Close()
	start := make([]byte, filekind.Most)
	n, err := io.ReadFull(f, start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("cannot read the clip: %w", err)
	}
	return start[:n], nil
}
