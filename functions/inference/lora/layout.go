package lora

import "strings"

// Layout is how a file names what it changes.
type Layout string

// The layouts.
const (
	PEFT     Layout = "peft"     // transformer.blocks.0.attn1.to_q.lora_A.weight
	Original Layout = "original" // diffusion_model.blocks.0.self_attn.q.lora_down.weight
	Kohya    Layout = "kohya"    // lora_unet_blocks_0_self_attn_q.lora_down.weight
)

// prefixes are what may stand before a module's name, also one after the other, the longer ones first.
var prefixes = []struct {
	text   string
	layout Layout
}{
	{"base_model.model.", PEFT}, {secondPrefix, PEFT}, {"transformer.", PEFT}, {"unet.", PEFT},
	{"model.diffusion_model.", Original}, {"diffusion_model.", Original},
	{"lora_unet_", Kohya}, {"lora_transformer_", Kohya}, {"lycoris_", Kohya},
}

const secondPrefix = "transformer_2."

// parts are the suffixes of a module's tensors and where each goes.
var parts = []struct {
	suffix string
	field  func(m *module) *string
}{
	{".lora_A.weight", func(m *module) *string { return &m.down }},
	{".lora_A.default.weight", func(m *module) *string { return &m.down }},
	{".lora_down.weight", func(m *module) *string { return &m.down }},
	{".lora_B.weight", func(m *module) *string { return &m.up }},
	{".lora_B.default.weight", func(m *module) *string { return &m.up }},
	{".lora_up.weight", func(m *module) *string { return &m.up }},
	{".lora_B.bias", func(m *module) *string { return &m.upBias }},
	{".alpha", func(m *module) *string { return &m.alpha }},
	{".diff", func(m *module) *string { return &m.diff }},
	{".diff_b", func(m *module) *string { return &m.diffBias }},
}

// others are the marks of adaptations that are no LoRA.
var others = []struct{ mark, name string }{
	{".hada_", "LoHa"}, {".lokr_", "LoKr"}, {".dora_scale", "DoRA"}, {".lora_magnitude_vector", "DoRA"}, {".oft_", "OFT"}, {".lora_mid.", "LoCon with a middle factor"},
}

// add puts a tensor of the file where it belongs.
func (l *File) add(name string) error {
	for _, o := range others {
		if strings.Contains(name, o.mark) {
			return l.bad("is of the kind %s (it has %s): only LoRA can be merged; convert it, or extract a LoRA from the merged model", o.name, name)
		}
	}
	for _, p := range parts {
		rest, ok := strings.CutSuffix(name, p.suffix)
		if !ok {
			continue
		}
		rest, layout := plain(rest)
		m := l.modules[rest]
		if m == nil {
			m = &module{layout: layout}
			l.modules[rest] = m
		}
		if at := p.field(m); *at != "" {
			return l.bad("has two tensors for one factor, %s and %s", *at, name)
		}
		*p.field(m) = name
		return nil
	}
	return l.bad("has the tensor %s, which is no part of a LoRA", name)
}

// second marks modules that a file gives to a pipeline's second transformer.
const second = "transformer_2/"

// plain is a module's name without what stands before it, and the layout that this says, "" where nothing does.
func plain(name string) (module string, layout Layout) {
	of := ""
next:
	for {
		for _, p := range prefixes {
			rest, ok := strings.CutPrefix(name, p.text)
			if !ok {
				continue
			}
			if p.text == secondPrefix {
				of = second
			}
			name, layout = rest, p.layout
			continue next
		}
		return of + name, layout
	}
}

// Layout is that of the file's first module, where a file mixes them.
func (l *File) Layout() Layout {
	m := l.modules[l.Modules()[0]]
	switch {
	case m.layout != "":
		return m.layout
	case strings.Contains(m.down, ".lora_A."):
		return PEFT
	}
	return Original
}
