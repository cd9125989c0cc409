package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// program is a shell script that answers as a kernel's program would.
func program(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

const attends = `
line="$1 $2   $3×$4 heads, $5 queries,   $6 keys, $7, $8${9:+, $9}:"
case "$1 $2 $6 $9" in
"time exact "*) echo "$line 0.236 ms (0.234 to 0.239), 437.5 TFLOP/s, 1.79 GHz" ;;
"time int8 "*) echo "$line 8.297 ms (7.455 to 8.434), 794.7 TFLOP/s, 1.63 GHz" ;;
"check int8 500 nothing") echo "$line WRONG relative error nan, worst query nan, worst element -nan of 0.1 (batch 0 query 0 head 0 element 0: nan, want 0.1)"; exit 1 ;;
"check exact 3000 rising") echo "$line WRONG relative error 0.50000, worst query 0.6, worst element 0.1 of 1 (batch 0 query 1 head 0 element 0: 1, want 2)"; exit 1 ;;
*) echo "$line right relative error 0.00233, worst query 0.00242, worst element 0.00014 of 0.0415 (batch 0 query 1 head 8 element 1: 0.03125, want 0.03)" ;;
esac
`

const convolves = `cat <<'X'
right 2x17x35 96 to 96, kernel 3x3x3 past 2, residual f16: worst 0.49 of the rounding
WRONG norm of 8 channels: many values are off
SOME ARE WRONG
4x720x1280 96 to 96, kernel 3x3x3, 6 times: 2.782 ms (660 TFLOP/s), before 0.000 (inf)
4x720x1280 192 to 96, kernel 1x3x3 twice, 1 times: 1.679 ms (729 TFLOP/s), before 5.57 (219)
convolutions of a run: 45.95 ms, before 0.00
121x128x192 128 to 128, kernel 3x3x3 mirrored, 10 times: 3.890 ms (676 TFLOP/s), before 13.887 (189)
convolutions of a clip of LTX-2: 82.09 ms, before 305.24
4x720x1280 96: norm 0.394 ms (3590 GB/s), carry 0.177 ms (4007 GB/s)
X
exit 1
`

func TestAReportOfWhatTheProgramsSay(t *testing.T) {
	b := bench{attention: program(t, attends), convolution: program(t, convolves), out: io.Discard, report: harness.NewReport("kernels"),
		python: program(t, "echo 'cudnn 12 128 32760 512 bf16 0.1770'\n")}
	err := b.run(t.Context())
	if err == nil || strings.Count(err.Error(), "_error is nan") != 2 {
		t.Errorf("numbers that are none: %v", err)
	}
	f := b.report.Figures
	for name, want := range map[string]float64{
		"attention_checks": 27, "attention_wrong": 3, "attention_exact_12x128_512_bf16_ms": 0.236, "attention_exact_12x128_512_bf16_tflop_per_s": 437.5,
		"attention_int8_12x128_32760_f16_ms": 8.297, "attention_exact_12x128_32760_bf16_wan_error": 0.00233, "attention_exact_2x128_3000_bf16_rising_error": 0.5,
		"attention_cudnn_12x128_512_bf16_ms": 0.177, "attention_exact_12x128_512_bf16_over_cudnn": 0.75,
		"convolution_checks": 2, "convolution_wrong": 1, "convolution_4x720x1280_96_96_3x3x3_ms": 2.782, "convolution_4x720x1280_192_96_1x3x3_twice_tflop_per_s": 729,
		"convolution_run_ms": 45.95, "convolution_121x128x192_128_128_3x3x3_mirrored_ms": 3.89, "convolution_ltx2_ms": 82.09, "norm_4x720x1280_96_ms": 0.394, "carry_4x720x1280_96_ms": 0.177,
	} {
		if got, ok := f[name]; !ok || got < want*0.999 || got > want*1.001 {
			t.Errorf("%s is %v, expected %v", name, got, want)
		}
	}
	if b.report.Met("attention_wrong") || b.report.Limits["convolution_wrong"] != "= 0" {
		t.Error("what is wrong does not miss its limit")
	}
	if _, ok := f["attention_exact_2x128_500_bf16_error"]; ok {
		t.Error("a check that was right has a figure")
	}
}

func TestAProgramThatFailsIsAnError(t *testing.T) {
	for body, want := range map[string]string{"echo no GPU >&2; exit 1": "no GPU", "exit 3": "exit status 3", "echo something else": `said "something else"`} {
		b := bench{convolution: program(t, body), out: io.Discard, report: harness.NewReport("kernels")}
		if err := b.run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", body, err)
		}
	}
}
