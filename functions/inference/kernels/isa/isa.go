// Package isa knows the instruction sets that the CPU's operators are compiled for, and which of them a processor has. The library
// chooses by itself and knows best; this is for who wants to say beforehand what is wrong with a choice.
package isa

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// set is an instruction set: its name, and what the kernel calls the features that it needs.
type set struct {
	name  string
	needs []string
}

// avx512 is what all of them with 512 bits need.
var avx512 = []string{"avx512f", "avx512bw", "avx512dq", "avx512vl"}

// sets by architecture, the best first; generic is everybody's.
var sets = map[string][]set{
	"amd64": {
		{"avx512vnni", append([]string{"avx512_vnni"}, avx512...)}, {"avx512", avx512}, {"avxvnni", []string{"avx_vnni", "avx2", "fma", "f16c"}},
		{"avx2", []string{"avx2", "fma", "f16c"}}, {"generic", nil},
		{"amx", append([]string{"amx_tile", "amx_bf16", "avx512_vnni"}, avx512...)},
		{"amxsoft", append([]string{"avx512_vnni"}, avx512...)},
	},
	"arm64": {{"neondot", []string{"asimddp"}}, {"neon", nil}, {"generic", nil}},
}

// forTests is never recommended.
const forTests = "amxsoft"

// Wrong says what is wrong with the name of an instruction set on this machine, as the end of a sentence that begins with the name; ""
// where the operators can use it.
func Wrong(name string) string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "" // nobody here can say
	}
	return wrong(runtime.GOARCH, string(text), name)
}

func wrong(arch, cpuinfo, name string) string {
	all, has := sets[arch], features(cpuinfo)
	if all == nil {
		all = []set{{"generic", nil}}
	}
	why, would := "no instruction set that the operators are compiled for", []string{}
	for _, s := range all {
		lacks := lacking(has, s.needs)
		if s.name == name && len(lacks) > 0 {
			why = "which this machine's processor does not have (no " + strings.Join(lacks, ", ") + ")"
		}
		if s.name == name && len(lacks) == 0 {
			return ""
		}
		if len(lacks) == 0 && s.name != forTests {
			would = append(would, s.name)
		}
	}
	return fmt.Sprintf("%s; %s would do", why, strings.Join(would, ", "))
}

func lacking(has, needs []string) (lacks []string) {
	for _, n := range needs {
		if !slices.Contains(has, n) {
			lacks = append(lacks, n)
		}
	}
	return lacks
}

// features are those of the first core.
func features(cpuinfo string) []string {
	for s := bufio.NewScanner(strings.NewReader(cpuinfo)); s.Scan(); {
		name, value, _ := strings.Cut(s.Text(), ":")
		if n := strings.TrimSpace(name); n == "flags" || n == "Features" {
			return strings.Fields(value)
		}
	}
	return nil
}
