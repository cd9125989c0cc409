package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// device is the memory of the simulated GPU in bytes, and usable what the server gives to instances of it: all but a
// thirty-second, for contexts and fragmentation.
const (
	device = 128_000_000_000
	usable = device - device/32
)

// model is one with its footprint on a GPU, in bytes, and how often it is called among the others.
type model struct {
	name      string
	footprint int64
	weight    int
}

// models have the parameters of the published checkpoints at two bytes each, text encoders included. Any two of the first
// three fit together; the last fits alone.
var models = []model{
	{"wan21", 40_500_000_000, 4},  // 14.29 B of the transformer, 5.68 B of UMT5-XXL, 0.25 B of the VAE
	{"ltx2", 61_300_000_000, 3},   // 18.9 B, 11.77 B of Gemma 3
	{"magi1", 57_200_000_000, 2},  // 23.86 B, 4.76 B of T5-XXL
	{"waver1", 99_100_000_000, 1}, // 12.2 B, 4.76 B of Flan-T5-XXL, 32.5 B of Qwen2.5-32B
}

func (m model) manifest(load time.Duration) map[string]any {
	return map[string]any{
		"gpus": []string{"all"}, "deviceMemory": fmt.Sprintf("%dMiB", m.footprint>>20), "limits": map[string]any{"memory": "64MiB"},
		"env": map[string]string{"ECHO_INIT_SLEEP": load.String()},
	}
}

//go:embed nvml/nvml.c
var nvml []byte

// simulate compiles a library by NVIDIA's name that knows one GPU, and gives its folder.
func simulate(ctx context.Context, dir string) (string, error) {
	source := filepath.Join(dir, "nvml.c")
	if err := os.WriteFile(source, nvml, 0o644); err != nil {
		return "", err
	}
	compiler := "cc"
	if cc := os.Getenv("CC"); cc != "" {
		compiler = cc
	}
	out, err := exec.CommandContext(ctx, compiler, "-shared", "-fPIC", "-O1", "-o", filepath.Join(dir, "libnvidia-ml.so.1"), source).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("compile the simulated driver with %s: %w: %s", compiler, err, out)
	}
	return dir, nil
}
