package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// jobFailure is the error of a job that ended without a clip, with the next step in it.
func jobFailure(j client.Job) error {
	err := j.Failure()
	if j.Status == "dead" || j.Status == "cancelled" {
		err = fmt.Errorf("%w; 'videosdgx jobs retry %s' queues it again", err, j.ID)
	}
	return err
}

// download saves a job's clip and checks its digest. to is a file, a folder, "-" for standard output, or "" for the name
// that the server gives. A file that is there is replaced once the clip is whole.
func download(ctx context.Context, c *client.Client, j client.Job, to string, stdout io.Writer) (string, error) {
	clip, err := c.Download(ctx, j)
	if err != nil {
		return "", err
	}
	defer clip.Close()
	if to == "-" {
		_, err := io.Copy(stdout, clip)
		return "-", err
	}
	if info, err := os.Stat(to); to == "" || err == nil && info.IsDir() {
		to = filepath.Join(to, clip.Name)
	}
	return to, saveClip(to, clip)
}
