package nn

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// openNF4 reads bitsandbytes' state: JSON in a tensor of bytes.
func openNF4(p *published, layer string, info weights.Info) error {
	const suffix = ".quant_state.bitsandbytes__nf4"
	raw, err := p.src.Raw(p.name + suffix)
	if err != nil {
		return fmt.Errorf("tensor %s has bitsandbytes scales but no quant_state of nf4, the type that is understood: %w", p.name, errdefs.ErrNotImplemented)
	}
	var state struct {
		Type   string   `json:"quant_type"`
		Block  int      `json:"blocksize"`
		Shape  []int64  `json:"shape"`
		Nested int      `json:"nested_blocksize"`
		Offset *float32 `json:"nested_offset"`
	}
	if err := json.Unmarshal(raw, &state); err != nil {
		return p.bad("has a quant_state that is no JSON: %v", err)
	}
	if state.Type != "" && state.Type != "nf4" {
		return p.bad("has a quant_state of type %q under the name of nf4", state.Type)
	}
	if !slices.Equal(state.Shape, []int64{p.n, p.k}) || info.DType != weights.U8 || info.Size != (p.n*p.k+1)/2 || state.Nested != 0 && state.Nested != 256 {
		return p.bad("is %s of %d bytes for the shape %v, nested blocks of %d; NF4 of shape [%d %d] is needed, nested by 256 or not", info.DType, info.Size, state.Shape, state.Nested, p.n, p.k)
	}
	if p.f, p.high = quant.NF4, true; state.Nested != 0 {
		if state.Offset == nil {
			return p.bad("has a quant_state with nested blocks and no nested_offset: the checkpoint is incomplete")
		}
		p.off = *state.Offset
	}
	p.o = quant.Options{Block: state.Block, Double: state.Nested != 0}
	if _, err := quant.Sizes(p.f, p.o, int(p.n), int(p.k)); err != nil || state.Block == 0 { // 0 would be the default
		return p.bad("has a quant_state with blocks of %d; a power of two from 16 to 4096 is understood", state.Block)
	}
	p.parts = func(p *published, t *quant.Tensor) error { return p.absmax(t) }
	return p.needNF4()
}

// needNF4 makes sure that what lies beside the codes is there, and that they mean what ours do.
func (p *published) needNF4() error {
	blocks := p.absmaxes()
	if !p.o.Double {
		if err := p.need(p.name+".absmax", blocks); err != nil {
			return err
		}
	} else {
		if err := p.need(p.name+".absmax", blocks, weights.U8); err != nil {
			return err
		}
		if err := p.need(p.name+".nested_absmax", (blocks+255)/256); err != nil {
			return err
		}
		if err := p.need(p.name+".nested_quant_map", 256); err != nil {
			return err
		}
	}
	if _, err := p.src.Info(p.name + ".quant_map"); err != nil {
		return nil // it is always the same
	}
	table, err := p.floats(p.name+".quant_map", 16)
	if err != nil {
		return err
	}
	for i, want := range quant.NF4Values() {
		if d := table[i] - want; !(d > -1e-6 && d < 1e-6) {
			return p.bad("has %v for the code %d in its quant_map; NF4 has %v", table[i], i, want)
		}
	}
	return nil
}

func (p *published) absmaxes() int64 { return (p.n*p.k + int64(p.o.Block) - 1) / int64(p.o.Block) }

func (p *published) absmax(t *quant.Tensor) (err error) {
	blocks := p.absmaxes()
	if !p.o.Double {
		t.Scales, err = p.floats(p.name+".absmax", blocks)
		return err
	}
	if t.ScaleCodes, err = p.src.Raw(p.name + ".absmax"); err != nil {
		return err
	}
	if t.Scales2, err = p.floats(p.name+".nested_absmax", (blocks+255)/256); err != nil {
		return err
	}
	t.Table, err = p.floats(p.name+".nested_quant_map", 256)
	return err
}
