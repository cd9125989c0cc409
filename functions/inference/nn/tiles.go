package nn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// openNVFP4 is Lightricks' layout: the even element in the high nibble, block scales in cuBLAS's tiles.
func openNVFP4(p *published, layer string, info weights.Info) error {
	want := []int64{p.n, p.k / 2}
	if info.DType == weights.F4 {
		want[1] = p.k
	}
	if info.DType != weights.U8 && info.DType != weights.F4 || !slices.Equal(info.Shape, want) || p.k%16 != 0 {
		return p.bad("is %s of shape %v; NVFP4 of a weight [%d, %d] is U8 of shape [%d, %d], and the last a multiple of 16", info.DType, info.Shape, p.n, p.k, p.n, p.k/2)
	}
	if p.inRows(layer + ".weight_scale") {
		return fmt.Errorf("tensor %s is NVFP4 as ModelOpt lays it out, block scales in rows and the even element in the low nibble, which is not understood: build from the BF16 checkpoint with --quant nvfp4: %w", p.name, errdefs.ErrNotImplemented)
	}
	if err := p.need(layer+".weight_scale", p.tiled(), weights.F8E4M3, weights.U8); err != nil {
		return err
	}
	if err := p.need(layer+".weight_scale_2", 1); err != nil {
		return err
	}
	p.f, p.high = quant.NVFP4, true
	p.parts = func(p *published, t *quant.Tensor) (err error) {
		tiled, err := p.src.Raw(layer + ".weight_scale")
		if err != nil {
			return err
		}
		t.ScaleCodes = p.untile(tiled)
		t.Scales2, err = p.floats(layer+".weight_scale_2", 1)
		return err
	}
	return nil
}

// inRows says whether NVFP4's block scales lie in rows, as ModelOpt writes them under the names of Lightricks' tiles: by their
// shape, or where whole tiles have the same one, by what config.json says.
func (p *published) inRows(scales string) bool {
	if by, ok := p.src.(interface{ QuantizedBy() string }); ok && strings.EqualFold(by.QuantizedBy(), "modelopt") {
		return true
	}
	info, err := p.src.Info(scales)
	return err == nil && slices.Equal(info.Shape, []int64{p.n, p.k / 16}) && info.Elements() != p.tiled()
}

// tiled is the number of block scales in whole tiles.
func (p *published) tiled() int64 {
	return (p.n + 127) / 128 * 128 * ((p.k/16 + 3) / 4) * 4
}

// untile puts block scales, which lie in cuBLAS's tiles of 128 rows by 4 columns, in rows.
func (p *published) untile(tiled []byte) []byte {
	rows, cols := int(p.n), int(p.k/16)
	across := (cols + 3) / 4
	out := make([]byte, rows*cols)
	for r := range rows {
		for c := range cols {
			out[r*cols+c] = tiled[(r/128*across+c/4)*512+r%32*16+r%128/32*4+c%4]
		}
	}
	return out
}
