package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/videosdgx/videosdgx/functions/wan21"
)

//go:embed reference.py
var script string

// reference times diffusers' transformer of the same shapes, as it comes and compiled.
func (b *bench) reference(ctx context.Context, model string, c wan21.TransformerConfig) error {
	c = c.WithDefaults()
	config, err := json.Marshal(c)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, b.python, "-c", script, string(config), strconv.Itoa(b.steps), strconv.Itoa(b.target.Index))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, tail(errs.String(), 2000))
	}
	name := "step_" + strings.ReplaceAll(model, ".", "_")
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var what string
		var seconds float64
		if _, err := fmt.Sscan(lines.Text(), &what, &seconds); err != nil {
			return fmt.Errorf("the reference said %q", lines.Text())
		}
		fmt.Printf("%s diffusers %s: %.3f\n", model, what, seconds)
		b.report.Figure(name+"_"+what, seconds)
	}
	return nil
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// limits puts ratios and what is asked of the figures beside them.
func (b *bench) limits() {
	f := b.report.Figures
	for _, m := range []string{"1_3b", "14b"} {
		compiled, ok := f["step_"+m+"_compiled_s"]
		for _, format := range kinds(forms([]string{"bf16", "fp16", "fp8"}), []string{"auto", "exact", "int8", "library", "cross"}) {
			format := format.String()
			if ours, have := f["step_"+m+"_"+format+"_s"]; ok && have {
				b.report.Figure("step_"+m+"_"+format+"_over_compiled", compiled/ours)
			}
		}
	}
	exact, codes := 0.0, 0.0
	for _, k := range kinds([]string{"bf16", "fp16"}, []string{"auto", "exact", "library", "int8"}) {
		v := f["step_1_3b_"+k.String()+"_over_compiled"]
		if k.attention == "int8" {
			codes = max(codes, v)
		} else {
			exact = max(exact, v)
		}
	}
	fp8 := 0.0
	for _, k := range kinds(forms([]string{"fp8"}), []string{"auto", "exact", "library"}) {
		fp8 = max(fp8, f["step_1_3b_"+k.String()+"_over_compiled"])
	}
	if fp8 > 0 {
		b.report.Figure("step_fp8_over_compiled", fp8)
	}
	if exact > 0 {
		b.report.Figure("step_over_compiled", exact)
	}
	if codes > 0 {
		b.report.Figure("step_int8_over_compiled", codes)
	}
	b.report.Want("step_over_compiled", "≥ 1.3")
	b.report.Want("step_14b_bf16_s", "≤ 5.9")
	b.report.Want("step_14b_fp16_s", "≤ 5.9")
	b.report.Want("step_14b_fp8_s", "≤ 4.7")
}
