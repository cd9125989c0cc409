package isa

import "testing"

func TestWhatIsWrongWithAnInstructionSet(t *testing.T) {
	const old = "processor\t: 0\nflags\t\t: fpu avx2 fma f16c\n\nprocessor\t: 1\nflags\t\t: fpu avx2 fma f16c avx_vnni\n"
	const server = "flags : avx2 fma f16c avx512f avx512bw avx512dq avx512vl avx512_vnni\n"
	for _, c := range []struct{ arch, cpuinfo, name, want string }{
		{"amd64", old, "avx2", ""}, {"amd64", old, "generic", ""}, {"amd64", server, "avx512vnni", ""}, {"amd64", server, "amxsoft", ""},
		{"amd64", old, "avxvnni", "which this machine's processor does not have (no avx_vnni); avx2, generic would do"},
		{"amd64", server, "amx", "which this machine's processor does not have (no amx_tile, amx_bf16); avx512vnni, avx512, avx2, generic would do"},
		{"amd64", server, "AVX2", "no instruction set that the operators are compiled for; avx512vnni, avx512, avx2, generic would do"},
		{"amd64", old, "neon", "no instruction set that the operators are compiled for; avx2, generic would do"},
		{"arm64", "Features : fp asimd\n", "neon", ""},
		{"arm64", "Features : fp asimd\n", "neondot", "which this machine's processor does not have (no asimddp); neon, generic would do"},
		{"riscv64", "", "rvv", "no instruction set that the operators are compiled for; generic would do"},
	} {
		if got := wrong(c.arch, c.cpuinfo, c.name); got != c.want {
			t.Errorf("%s on %s: %q", c.name, c.arch, got)
		}
	}
}
