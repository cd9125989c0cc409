package media

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// container is a format of video files; format is ffmpeg's name for it.
type container struct{ name, magic, format string }

const quicktime = "mov,mp4,m4a,3gp,3g2,mj2"

var containers = []container{
	{"MP4", "????ftyp", quicktime}, {"QuickTime", "????moov", quicktime}, {"QuickTime", "????mdat", quicktime}, {"QuickTime", "????wide", quicktime},
	{"WebM or Matroska", "\x1a\x45\xdf\xa3", "matroska,webm"}, {"AVI", "RIFF????AVI ", "avi"},
}

// stills are files of one picture in the box format of MP4.
var stills = []string{"????ftyphe", "????ftypmif1", "????ftypavi"}

const (
	makesClip     = "`ffmpeg -i IN -c:v libx264 -pix_fmt yuv420p OUT.mp4` makes one"
	acceptedClips = "send an MP4, QuickTime, WebM, Matroska or AVI file (" + makesClip + ")"
)

func clipKind(path string) (container, error) {
	start, err := firstBytes(path)
	if err != nil {
		return container{}, err
	}
	for _, s := range stills {
		if starts(start, s) {
			return container{}, wrongClip("it is a picture, no clip: %s", acceptedClips)
		}
	}
	for _, c := range containers {
		if starts(start, c.magic) {
			return c, nil
		}
	}
	if k, err := kindOf(start); err == nil {
		return container{}, wrongClip("it is a %s picture, no clip: %s", k.name, acceptedClips)
	}
	return container{}, wrongClip("it is no clip that is known here: %s", acceptedClips)
}

func firstBytes(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the clip: %w", err)
	}
	defer f.Close()
	start := make([]byte, 64)
	n, err := io.ReadFull(f, start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("cannot read the clip: %w", err)
	}
	return start[:n], nil
}
