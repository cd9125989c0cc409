package main

import "testing"

// What the first frame's run leaves free must not stay beside the largest run of the others.
func TestTheFirstFramesMemoryIsGivenBack(t *testing.T) {
	for _, size := range sizes {
		kept, err := planned(size.height, size.width, false)
		if err != nil {
			t.Fatal(err)
		}
		given, err := planned(size.height, size.width, true)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d MiB, %d MiB when the first run's is kept", size.name, given>>20, kept>>20)
		if given >= kept-100<<20 {
			t.Errorf("%s: %d MiB of %d", size.name, given>>20, kept>>20)
		}
	}
}
