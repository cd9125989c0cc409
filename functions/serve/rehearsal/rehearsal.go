// Package rehearsal asks a model for clips that nobody sees, so that between them every graph runs that a request can have run:
// what plans of TensorRT are built for, and compared and timed with.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/media"
)

// Smallest is the model's smallest clip in which each graph of its video runs: the one for the first frames, and the one for those
// after, twice.
func Smallest(d handler.Description) handler.Request {
	r := d.Defaults
	r.Width, r.Height, r.NumFrames = d.Limits.WidthMultiple, d.Limits.HeightMultiple, 1+2*d.Limits.FrameStep
	return r
}

// Clip is a request for a clip of so many steps, with the pictures without which the model makes none.
func Clip(d handler.Description, r handler.Request, prompt string, steps int) handler.Request {
	r.Prompt, r.NegativePrompt, r.Seed, r.Steps = prompt, "", 7, steps
	if d.Limits.Image == "required" {
		r.Image = picture(r)
	}
	if d.Limits.LastImage == "required" {
		r.LastImage = picture(r)
	}
	return r
}

// All is a clip, with as many steps as its model needs to use all of its parts, and the clips beside it that run what it does not.
func All(d handler.Description, r handler.Request) ([]handler.Request, error) {
	if d.Rehearse == nil {
		return []handler.Request{r}, nil
	}
	all, err := d.Rehearse(r)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s rehearses nothing: %w", d.Name, errdefs.ErrInternal)
	}
	if err != nil {
		return nil, fmt.Errorf("what to rehearse: %w", err)
	}
	return all, nil
}

// Brought is a clip once more for each kind of file that a request may bring and need not: graphs that read it run then alone. A
// video is made in dir.
func Brought(ctx context.Context, d handler.Description, r handler.Request, dir string) (all []handler.Request, err error) {
	if d.Limits.Image == "optional" {
		with := r
		with.Image = picture(r)
		all = append(all, with)
	}
	if v := d.Limits.Video; v == "optional" || v == "required" {
		with := r
		if with.Video, err = video(ctx, r, dir); err != nil {
			return nil, fmt.Errorf("a video to rehearse with: %w", err)
		}
		all = append(all, with)
	}
	return all, nil
}

func picture(r handler.Request) image.Image {
	return image.NewRGBA(image.Rect(0, 0, r.Width, r.Height))
}

// video is a clip of the request's size, length and rate, all black.
func video(ctx context.Context, r handler.Request, dir string) (*media.Clip, error) {
	if r.FPS <= 0 {
		r.FPS = 16
	}
	e, err := media.NewEncoder(ctx, media.Spec{Width: r.Width, Height: r.Height, FPS: r.FPS, Dir: dir})
	if err != nil {
		return nil, err
	}
	black := make([]byte, 3*r.Width*r.Height)
	for range r.NumFrames {
		err = errors.Join(err, e.Frame(black))
	}
	f, closed := e.Close()
	if err = errors.Join(err, closed); err != nil {
		return nil, err
	}
	c, err := media.OpenClip(ctx, f.Path)
	return &c, err
}
