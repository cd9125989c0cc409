package main

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/schedule"
)

func TestTheSchedulerIsOne(t *testing.T) {
	if _, err := schedule.FromJSON([]byte(scheduler), schedule.Options{Steps: 4}); err != nil {
		t.Fatal(err)
	}
}
