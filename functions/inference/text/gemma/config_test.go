package gemma

import (
	"testing"

	"github.com/containerd/errdefs"
)

// The release's configuration has the text model under text_config and names rotary parts the old way.
const released = `{"architectures":["Gemma3ForConditionalGeneration"],"text_config":{"vocab_size":262208,"hidden_size":3840,"intermediate_size":15360,
"num_hidden_layers":48,"num_attention_heads":16,"num_key_value_heads":8,"sliding_window":1024,"rope_scaling":{"factor":8.0,"rope_type":"linear"}}}`

func TestTheReleasedConfigurationIsRead(t *testing.T) {
	c, err := ParseConfig([]byte(released))
	if err != nil {
		t.Fatal(err)
	}
	if c.HeadDim != 256 || c.LayerTypes[5] != full || c.LayerTypes[4] != sliding || c.scale() != 1.0/16 {
		t.Errorf("%+v", c)
	}
	for kind, want := range map[string][2]float64{full: {1e6, 8}, sliding: {1e4, 1}} {
		if theta, factor, err := c.rope(kind); err != nil || [2]float64{theta, factor} != want {
			t.Errorf("%s: %g, %g, %v", kind, theta, factor, err)
		}
	}
}

func TestWhatIsNotSupportedIsSaid(t *testing.T) {
	const sizes = `"vocab_size":9,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":4`
	for raw, is := range map[string]func(error) bool{
		`{`:  errdefs.IsInvalidArgument,
		`{}`: errdefs.IsInvalidArgument,
		`{` + sizes + `,"num_key_value_heads":3}`:                              errdefs.IsInvalidArgument,
		`{` + sizes + `,"attn_logit_softcapping":50}`:                          errdefs.IsNotImplemented,
		`{` + sizes + `,"hidden_activation":"relu"}`:                           errdefs.IsNotImplemented,
		`{` + sizes + `,"rope_scaling":{"rope_type":"yarn","factor":2}}`:       errdefs.IsNotImplemented,
		`{` + sizes + `,"layer_types":["full_attention","sliding_attention"]}`: errdefs.IsInvalidArgument,
	} {
		if _, err := ParseConfig([]byte(raw)); !is(err) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
