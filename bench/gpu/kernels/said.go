package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// sum is what the programs have said so far.
type sum struct {
	report        *harness.Report
	checks, wrong int
}

const number = `([0-9.]+(?:e[-+]?[0-9]+)?|-?nan|inf)`

var (
	asked  = regexp.MustCompile(`^(check|error|time) +(\S+) +\d+×(\d+) heads, +(\d+) queries, +(\d+) keys, +(\d+), (bf16|f16)(?:, (\w+))?: (.*)$`)
	erred  = regexp.MustCompile(`^(right|WRONG) relative error ` + number)
	timed  = regexp.MustCompile(`^` + number + ` ms .*?, ` + number + ` TFLOP/s`)
	torch  = regexp.MustCompile(`^cudnn (\d+) (\d+) (\d+) (\d+) (bf16|f16) ` + number + `$`)
	shaped = regexp.MustCompile(`^(\d+x\d+x\d+) (\d+) to (\d+), kernel (\S+)( twice| mirrored)?, \d+ times: ` + number + ` ms \(` + number + ` TFLOP/s\)`)
	whole  = regexp.MustCompile(`^convolutions of a (run|clip of LTX-2): ` + number + ` ms, before ` + number)
	passed = regexp.MustCompile(`^(\d+x\d+x\d+) (\d+): norm ` + number + ` ms .*, carry ` + number + ` ms`)
)

func (s *sum) figure(name, value string) error {
	v, err := strconv.ParseFloat(value, 64)
	if err != nil || v != v || v > 1e300 {
		return fmt.Errorf("%s is %s", name, value)
	}
	s.report.Figure(name, v)
	return nil
}

// attention takes a line such as "time exact   1×12 heads, 32760 queries, 512 keys, 128, bf16: 0.236 ms (0.234 to 0.239), 437.5 TFLOP/s, 1.79 GHz".
func (s *sum) attention(line string) error {
	m := asked.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("attention said %q", line)
	}
	what, said := m[1], m[9]
	name := strings.Join([]string{"attention", m[2], m[3] + "x" + m[6], m[5], m[7]}, "_")
	if m[8] != "" {
		name += "_" + m[8]
	}
	if what == "time" {
		t := timed.FindStringSubmatch(said)
		if t == nil {
			return fmt.Errorf("attention said %q", line)
		}
		if err := s.figure(name+"_ms", t[1]); err != nil {
			return err
		}
		return s.figure(name+"_tflop_per_s", t[2])
	}
	s.checks++
	e := erred.FindStringSubmatch(said)
	if e == nil || e[1] == "WRONG" {
		s.wrong++
	}
	if e == nil {
		return fmt.Errorf("attention said %q", line)
	}
	if what == "check" && e[1] == "right" {
		return nil
	}
	return s.figure(name+"_error", e[2])
}

// cudnn takes a line such as "cudnn 12 128 32760 512 bf16 0.183".
func (s *sum) cudnn(line string) error {
	m := torch.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("torch said %q", line)
	}
	return s.figure(fmt.Sprintf("attention_cudnn_%sx%s_%s_%s_ms", m[1], m[2], m[4], m[5]), m[6])
}

// ratios are how many times faster ours are than cuDNN's of the same shape.
func (s *sum) ratios() {
	for name := range s.report.Figures {
		rest, ok := strings.CutPrefix(name, "attention_cudnn_")
		if !ok {
			continue
		}
		for _, ours := range []string{"exact", "int8"} {
			if _, have := s.report.Figures["attention_"+ours+"_"+rest]; have {
				s.report.Ratio("attention_"+ours+"_"+strings.TrimSuffix(rest, "_ms")+"_over_cudnn", name, "attention_"+ours+"_"+rest)
			}
		}
	}
}

// convolution takes a line of the other program.
func (s *sum) convolution(line string) error {
	if m := shaped.FindStringSubmatch(line); m != nil {
		name := fmt.Sprintf("convolution_%s_%s_%s_%s%s", m[1], m[2], m[3], m[4], strings.ReplaceAll(m[5], " ", "_"))
		if err := s.figure(name+"_ms", m[6]); err != nil {
			return err
		}
		return s.figure(name+"_tflop_per_s", m[7])
	}
	if m := whole.FindStringSubmatch(line); m != nil {
		return s.figure("convolution_"+map[string]string{"run": "run", "clip of LTX-2": "ltx2"}[m[1]]+"_ms", m[2])
	}
	if m := passed.FindStringSubmatch(line); m != nil {
		if err := s.figure(fmt.Sprintf("norm_%s_%s_ms", m[1], m[2]), m[3]); err != nil {
			return err
		}
		return s.figure(fmt.Sprintf("carry_%s_%s_ms", m[1], m[2]), m[4])
	}
	switch {
	case line == "all right", line == "SOME ARE WRONG":
	case strings.HasPrefix(line, "right "):
		s.checks++
	case strings.HasPrefix(line, "WRONG "):
		s.checks, s.wrong = s.checks+1, s.wrong+1
	default:
		return fmt.Errorf("convolution said %q", line)
	}
	return nil
}
