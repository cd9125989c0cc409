package ort

import "testing"

func TestWhatAnAllocationAskedForIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		"BFCArena::AllocateRawInternal: Failed to allocate memory for requested buffer of size 268435456": ", 256 MiB asked for",
		"BFCArena::Extend: Available memory of 1048577 is smaller than requested bytes of 2097152":        ", 2 MiB asked for, 2 MiB left",
		"CUDA failure 2: out of memory ; GPU=0":                                                           "",
	} {
		if got := asked(text); got != want {
			t.Errorf("%q: %q, expected %q", text, got, want)
		}
	}
}
