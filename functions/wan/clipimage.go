package wan

import (
	"encoding/json"
	"fmt"
	"image"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/media"
)

// ImageProcessorConfig is image_processor/preprocessor_config.json, of CLIPImageProcessor.
type ImageProcessorConfig struct {
	Size     edge      `json:"size"`
	CropSize edge      `json:"crop_size"`
	Mean     []float64 `json:"image_mean"`
	Std      []float64 `json:"image_std"`
}

// edge is a size that the file gives as a number, or as an object with shortest_edge or with height and width.
type edge int

func (e *edge) UnmarshalJSON(raw []byte) error {
	if json.Unmarshal(raw, (*int)(e)) == nil {
		return nil
	}
	var o struct {
		Shortest int `json:"shortest_edge"`
		Height   int `json:"height"`
		Width    int `json:"width"`
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return err
	}
	if o.Height != o.Width {
		return fmt.Errorf("image processor with %d × %d pixels: %w", o.Width, o.Height, errdefs.ErrNotImplemented)
	}
	*e = edge(max(o.Shortest, o.Height))
	return nil
}

// Validate refuses what cannot be done.
func (c ImageProcessorConfig) Validate() error {
	if c.Size < 1 || c.CropSize < 1 || c.CropSize > c.Size || len(c.Mean) != 3 || len(c.Std) != 3 {
		return fmt.Errorf("image processor configuration %+v is impossible: %w", c, errdefs.ErrInvalidArgument)
	}
	return nil
}

// pixels scales the shorter side to Size, cuts the middle out and normalises: [1, 3, crop, crop].
func (c ImageProcessorConfig) pixels(img image.Image) engine.Tensor {
	b, size, crop := img.Bounds(), int(c.Size), int(c.CropSize)
	short := min(b.Dx(), b.Dy())
	w, h := size*b.Dx()/short, size*b.Dy()/short
	left, top := (w-crop)/2, (h-crop)/2
	small := media.ResizeTo(img, image.Pt(w, h), image.Rect(left, top, left+crop, top+crop), media.Bicubic)
	out := make([]float32, 3*crop*crop)
	for y := range crop {
		for x := range crop {
			at := 3 * (crop*y + x)
			for ch := range 3 {
				v := float64(small.Pix[at+ch])/255 - c.Mean[ch]
				out[(ch*crop+y)*crop+x] = float32(v / c.Std[ch])
			}
		}
	}
	return engine.Floats(out, 1, 3, int64(crop), int64(crop))
}
