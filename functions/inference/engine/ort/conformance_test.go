package ort

import (
	"os"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/enginetest"
)

// VIDEOSDGX_TEST_DEVICE ("cuda:0") runs the suite on another device than the CPU too.
func TestConformance(t *testing.T) {
	enginetest.Run(t, loaded(t), engine.Options{})
	t.Run("recorded", func(t *testing.T) { enginetest.Run(t, loaded(t), engine.Options{Record: 2}) })
	name := os.Getenv("VIDEOSDGX_TEST_DEVICE")
	if name == "" {
		return
	}
	d, err := engine.ParseDevice(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Run(d.String(), func(t *testing.T) { enginetest.Run(t, loaded(t), engine.Options{Device: d}) })
	t.Run(d.String()+", recorded", func(t *testing.T) { enginetest.Run(t, loaded(t), engine.Options{Device: d, Record: 2}) })
}
