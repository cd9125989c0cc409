package main

import (
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/schedule"
)

func TestFP8IsMeasuredInBothForms(t *testing.T) {
	got := kinds(forms([]string{"bf16", "fp8"}), []string{"exact", "int8"})
	want := []kind{{"bf16", "exact"}, {"fp8", "exact"}, {"fp8bf16", "exact"}, {"bf16", "int8"}, {"fp8", "int8"}, {"fp8bf16", "int8"}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, expected %v", got, want)
	}
}

func TestTheSchedulerIsOne(t *testing.T) {
	if _, err := schedule.FromJSON([]byte(scheduler), schedule.Options{Steps: 4}); err != nil {
		t.Fatal(err)
	}
}
