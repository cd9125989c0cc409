package handler

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/media"
	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/internal/sentence"
)

// open opens the files of a request, whose text has so many bytes: pictures are decoded for the size that the clip will have, a clip's
// head is read. What is wrong with one is noted; the error is none of the request's. release removes what was made for it, also after an
// error.
func (in *intake) open(ctx context.Context, r *Request, text int, w *wrongs) (release func(), err error) {
	var made []func()
	release = func() {
		for _, f := range made {
			f()
		}
	}
	r.Pictures, r.Clips = map[string]image.Image{}, map[string]*media.Clip{}
	r.Held = 2 * int64(text) // it is there as it came and as it was read
	for _, name := range in.schema.Files() {
		p, _ := in.schema.Property(name)
		value, err := r.Values.Text(name), error(nil)
		switch {
		case value == "":
			continue
		case all(p.File.Types, "image/"):
			if r.Pictures[name], err = in.picture(value, *p.File, image.Pt(r.Width, r.Height)); err == nil {
				r.Held += pixels(r.Pictures[name])
			}
		case all(p.File.Types, "video/"):
			var undo func()
			if inText(value) { // a file is made of it, which lies in memory
				r.Held += int64(base64.StdEncoding.DecodedLen(len(value)))
			}
			if r.Clips[name], undo, err = in.clip(ctx, value, *p.File, *r); err == nil {
				r.Held += r.Clips[name].DecoderMemory()
			}
			made = append(made, undo)
		default:
			continue // a model's own kind of file: Values has it
		}
		delete(r.Values, name)
		if err != nil && !errdefs.IsInvalidArgument(err) {
			return release, err
		}
		if err != nil {
			w.add(name, "%s cannot be used: %s.", name, sentence.Of(err))
		}
	}
	r.Image, r.LastImage, r.Video = r.Pictures["image"], r.Pictures["last_image"], r.Clips["video"]
	return release, nil
}

func all(types []string, prefix string) bool {
	return len(types) > 0 && !slices.ContainsFunc(types, func(t string) bool { return !strings.HasPrefix(t, prefix) })
}

// picture opens one, unless it takes more memory than is left.
func (in *intake) picture(value string, f schema.File, need image.Point) (image.Image, error) {
	raw, err := in.bytes(value, f)
	if err != nil {
		return nil, err
	}
	u, err := media.Look(raw, need)
	if err != nil {
		return nil, err
	}
	if err := u.Fits(in.room(u.Bytes())); err != nil {
		return nil, err
	}
	img, err := u.Open()
	if err != nil {
		return nil, err
	}
	in.room(u.Bytes())
	return img, nil
}

// inText says whether a value is its file, in base64.
func inText(value string) bool {
	return !strings.HasPrefix(value, "file:") && !strings.HasPrefix(value, "upload:")
}

// bytes gives the content of a file, wherever it is.
func (in *intake) bytes(value string, f schema.File) ([]byte, error) {
	if inText(value) {
		if err := in.affords(int64(base64.StdEncoding.DecodedLen(len(value)))); err != nil {
			return nil, err
		}
		raw, err := f.Decode(value)
		if err != nil {
			return nil, fmt.Errorf("it %w: %w", err, errdefs.ErrInvalidArgument)
		}
		return raw, nil
	}
	file, size, err := in.file(value, f)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := in.affords(size); err != nil {
		return nil, err
	}
	raw := make([]byte, size)
	if _, err := io.ReadFull(file, raw); err != nil {
		return nil, fmt.Errorf("its file cannot be read: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	return raw, nil
}

// file opens one that the runtime laid beside the event: a regular file of that folder itself.
func (in *intake) file(value string, f schema.File) (file *os.File, size int64, err error) {
	name, ok := schema.FileName(value)
	if !ok {
		return nil, 0, fmt.Errorf("it names an upload: uploads are for the models' REST API, send the file itself: %w", errdefs.ErrInvalidArgument)
	}
	if in.files == "" {
		return nil, 0, fmt.Errorf("it names a file beside the event, and this runtime lays none there: send the file itself: %w", errdefs.ErrInvalidArgument)
	}
	root, err := os.OpenRoot(in.files)
	if err != nil {
		return nil, 0, fmt.Errorf("its file is not there: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	defer root.Close()
	st, err := root.Lstat(name)
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("its file is not there: %w: %w", err, errdefs.ErrInvalidArgument)
	case !st.Mode().IsRegular():
		return nil, 0, fmt.Errorf("it is no regular file: %w", errdefs.ErrInvalidArgument)
	case f.MaxBytes > 0 && st.Size() > f.MaxBytes:
		return nil, 0, fmt.Errorf("it has %d bytes, %d at most: %w", st.Size(), f.MaxBytes, errdefs.ErrInvalidArgument)
	}
	file, err = root.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("its file cannot be read: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	return file, st.Size(), nil
}

// clip opens a video of a request of which all else has been read: the file beside the event where it lies, one in the request in the
// scratch folder.
func (in *intake) clip(ctx context.Context, value string, f schema.File, r Request) (c *media.Clip, undo func(), err error) {
	if name, ok := schema.FileName(value); ok {
		file, _, err := in.file(value, f)
		if err != nil {
			return nil, nothing, err
		}
		file.Close()
		c, err := in.opened(ctx, filepath.Join(in.files, name), r)
		return c, nothing, err
	}
	if err := in.affords(2 * int64(base64.StdEncoding.DecodedLen(len(value)))); err != nil { // the scratch folder lies in memory
		return nil, nothing, err
	}
	raw, err := in.bytes(value, f)
	if err != nil {
		return nil, nothing, err
	}
	file, err := os.CreateTemp(in.scratch, "video-*")
	if err != nil {
		return nil, nothing, fmt.Errorf("cannot keep the request's video: %w", err)
	}
	undo = func() { os.Remove(file.Name()) }
	_, err = file.Write(raw)
	switch err = errors.Join(err, file.Close()); {
	case errors.Is(err, syscall.ENOSPC):
		return nil, undo, fmt.Errorf("its %d bytes do not fit the instance's temporary folder: send a smaller file, or raise limits.scratch of the function: %w", len(raw), errdefs.ErrInvalidArgument)
	case err != nil:
		return nil, undo, fmt.Errorf("cannot keep the request's video: %w", err)
	}
	c, err = in.opened(ctx, file.Name(), r)
	return c, undo, err
}

// opened reads the head of a video's file, and refuses one that takes more memory to read than is left beside the clip of r.
func (in *intake) opened(ctx context.Context, path string, r Request) (*media.Clip, error) {
	if err := in.affords(media.LeastReading); err != nil {
		return nil, err
	}
	c, err := media.OpenClipWithin(ctx, path, in.left())
	if err == nil {
		err = c.Fits(in.beside(r))
	}
	return &c, err
}
