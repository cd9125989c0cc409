package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/videosdgx/videosdgx/internal/sentence"
)

var versionPattern = regexp.MustCompile(`\d+\.\d+(\.\d+)?[\w.~+-]*`)

// program looks for the first of names (on the PATH, or an absolute path) that answers with a version.
func program(part string, required bool, fix string, names ...string) Probe {
	return func(ctx context.Context) Finding {
		f := Finding{Part: part, Required: required, Fix: fix, Detail: strings.Join(names, " or ") + " not found"}
		for _, n := range names {
			path, err := exec.LookPath(n)
			if err != nil {
				continue
			}
			v, err := versionOf(ctx, path)
			if err != nil {
				f.Detail = err.Error()
				continue
			}
			return Finding{Part: part, Required: required, OK: true, Version: v, Detail: path}
		}
		return f
	}
}

// versionOf asks a program for its version: --version, or -version for ffmpeg.
func versionOf(ctx context.Context, path string) (string, error) {
	flag := "--version"
	if filepath.Base(path) == "ffmpeg" {
		flag = "-version"
	}
	out, err := exec.CommandContext(ctx, path, flag).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", path, flag, err)
	}
	return versionPattern.FindString(string(out)), nil
}

// Ffmpeg muxes every clip.
func Ffmpeg() Probe {
	name := os.Getenv("VIDEOSDGX_FFMPEG")
	if name == "" {
		name = "ffmpeg"
	}
	return program("ffmpeg", true, "apt-get install ffmpeg", name)
}

// Program says what keeps a value from being a program that can be run, a path or a name on the PATH, as Shared.Check does.
func Program(name string) string {
	if _, err := exec.LookPath(name); err != nil {
		var of *exec.Error
		if errors.As(err, &of) {
			err = of.Err
		}
		return "which cannot be run (" + sentence.Bare(err) + ")"
	}
	return ""
}
