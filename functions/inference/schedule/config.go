package schedule

import (
	"fmt"
	"math"

	"github.com/containerd/errdefs"
)

// Config is what a scheduler_config.json says, as far as flow matching uses it.
type Config struct {
	Class          string `json:"_class_name"`
	TrainTimesteps int    `json:"num_train_timesteps"`

	// UniPC
	PredictionType  string  `json:"prediction_type"`
	UseFlowSigmas   bool    `json:"use_flow_sigmas"`
	FlowShift       float64 `json:"flow_shift"`
	SolverOrder     int     `json:"solver_order"`
	SolverType      string  `json:"solver_type"`
	PredictX0       bool    `json:"predict_x0"`
	LowerOrderFinal bool    `json:"lower_order_final"`
	DisableCorrect  []int   `json:"disable_corrector"`
	FinalSigmas     string  `json:"final_sigmas_type"`
	Thresholding    bool    `json:"thresholding"`

	// Euler
	Shift        float64 `json:"shift"`
	Invert       bool    `json:"invert_sigmas"`
	Stochastic   bool    `json:"stochastic_sampling"`
	BaseShift    float64 `json:"base_shift"`
	MaxShift     float64 `json:"max_shift"`
	BaseImageSeq int     `json:"base_image_seq_len"`
	MaxImageSeq  int     `json:"max_image_seq_len"`

	// both
	DynamicShifting bool     `json:"use_dynamic_shifting"`
	TimeShiftType   string   `json:"time_shift_type"`
	ShiftTerminal   *float64 `json:"shift_terminal"`
	Karras          bool     `json:"use_karras_sigmas"`
	Exponential     bool     `json:"use_exponential_sigmas"`
	Beta            bool     `json:"use_beta_sigmas"`
}

// Defaults are the reference's values for what a configuration leaves out.
func Defaults() Config {
	return Config{TrainTimesteps: 1000, PredictionType: "epsilon", FlowShift: 1, SolverOrder: 2, SolverType: "bh2",
		PredictX0: true, LowerOrderFinal: true, FinalSigmas: "zero", Shift: 1, BaseShift: 0.5, MaxShift: 1.15,
		BaseImageSeq: 256, MaxImageSeq: 4096, TimeShiftType: "exponential"}
}

func (c Config) validate() error {
	bad := func(what string, value any, would string) error {
		return fmt.Errorf("scheduler configuration: %s is %v, supported: %s: %w", what, value, would, errdefs.ErrNotImplemented)
	}
	switch {
	case c.TrainTimesteps < 1:
		return bad("num_train_timesteps", c.TrainTimesteps, "1 and more")
	case c.Beta || c.Karras && c.Exponential:
		return bad("the sigma schedule", "beta or two at once", "one of flow, Karras and exponential sigmas")
	case c.TimeShiftType != "exponential" && c.TimeShiftType != "linear":
		return bad("time_shift_type", c.TimeShiftType, "exponential, linear")
	case c.ShiftTerminal != nil && (*c.ShiftTerminal < 0 || *c.ShiftTerminal >= 1):
		return bad("shift_terminal", *c.ShiftTerminal, "0 to less than 1")
	case c.DynamicShifting && c.MaxImageSeq == c.BaseImageSeq: // Mu's slope
		return bad("max_image_seq_len", c.MaxImageSeq, "another than base_image_seq_len")
	case c.Stochastic:
		return bad("stochastic_sampling", true, "false")
	case c.Class == "UniPCMultistepScheduler":
		return c.validateUniPC(bad)
	}
	return nil
}

func (c Config) validateUniPC(bad func(string, any, string) error) error {
	switch {
	case c.Karras || c.Exponential:
		return bad("the sigma schedule", "Karras or exponential", "flow sigmas")
	case c.PredictionType != "flow_prediction" || !c.UseFlowSigmas:
		return bad("prediction_type", c.PredictionType, "flow_prediction with use_flow_sigmas")
	case c.SolverOrder < 1 || c.SolverOrder > maxOrder:
		return bad("solver_order", c.SolverOrder, "1, 2, 3")
	case c.SolverType != "bh1" && c.SolverType != "bh2":
		return bad("solver_type", c.SolverType, "bh1, bh2")
	case !c.PredictX0 || c.Thresholding:
		return bad("predict_x0 and thresholding", []bool{c.PredictX0, c.Thresholding}, "true and false")
	case !c.LowerOrderFinal && c.FinalSigmas == "zero": // λ is infinite at the end: only order 1 gets there
		return bad("lower_order_final", false, "true, or final_sigmas_type sigma_min")
	case c.FinalSigmas != "zero" && c.FinalSigmas != "sigma_min":
		return bad("final_sigmas_type", c.FinalSigmas, "zero, sigma_min")
	}
	return nil
}

// Mu is the shift that diffusers' pipelines give use_dynamic_shifting for a sequence of n tokens: linear between
// (base_image_seq_len, base_shift) and (max_image_seq_len, max_shift).
func (c Config) Mu(n int) float64 {
	slope := (c.MaxShift - c.BaseShift) / float64(c.MaxImageSeq-c.BaseImageSeq)
	return float64(n)*slope + c.BaseShift - slope*float64(c.BaseImageSeq)
}

// shifted applies the configured shift and the stretch to shift_terminal, in float64 and in place.
func (c Config) shifted(sigmas []float64, shift, mu float64) []float64 {
	for i, s := range sigmas {
		switch {
		case !c.DynamicShifting:
			sigmas[i] = shift * s / (1 + (shift-1)*s)
		case c.TimeShiftType == "linear":
			sigmas[i] = mu / (mu + (1/s - 1))
		default:
			sigmas[i] = math.Exp(mu) / (math.Exp(mu) + (1/s - 1))
		}
	}
	if last := sigmas[len(sigmas)-1]; c.ShiftTerminal != nil && last < 1 { // of one step at 1 nothing can be stretched
		scale := (1 - last) / (1 - *c.ShiftTerminal)
		for i, s := range sigmas {
			sigmas[i] = 1 - (1-s)/scale
		}
	}
	return sigmas
}

// shiftedSingly is shifted in float32 throughout, in the reference's order, as it does it for sigmas that it is given: what is
// lost near 1 moves the times that a model sees.
func (c Config) shiftedSingly(sigmas []float64, shift, mu float64) []float64 {
	exp, by := float32(math.Exp(mu)), float32(mu)
	for i, v := range sigmas {
		s := float32(v)
		switch {
		case !c.DynamicShifting:
			s = float32(shift) * s / (1 + float32(shift-1)*s)
		case c.TimeShiftType == "linear":
			s = by / (by + (1/s - 1))
		default:
			s = exp / (exp + (1/s - 1))
		}
		sigmas[i] = float64(s)
	}
	if last := float32(sigmas[len(sigmas)-1]); c.ShiftTerminal != nil && last < 1 {
		scale := (1 - last) / float32(1-*c.ShiftTerminal)
		for i, s := range sigmas {
			sigmas[i] = float64(1 - (1-float32(s))/scale)
		}
	}
	return sigmas
}

// respaced keeps the ends of shifted sigmas and spaces those between evenly in σ^{1/7} (Karras et al., 2022) or in ln σ.
func (c Config) respaced(sigmas []float64) []float64 {
	const rho = 7
	var to, from func(float64) float64
	switch {
	case c.Karras:
		to, from = func(s float64) float64 { return math.Pow(s, 1./rho) }, func(v float64) float64 { return math.Pow(v, rho) }
	case c.Exponential:
		to, from = math.Log, math.Exp
	default:
		return sigmas
	}
	even := linspace(to(sigmas[0]), to(sigmas[len(sigmas)-1]), len(sigmas))
	for i, v := range even {
		sigmas[i] = from(v)
	}
	return sigmas
}

// linspace is n values from a to b, both included, as numpy computes them.
func linspace(a, b float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = a
		if n > 1 {
			out[i] = a + float64(i)*((b-a)/float64(n-1))
		}
	}
	if n > 1 {
		out[n-1] = b
	}
	return out
}
