package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The files that may lie beside a LoRA and say how it is to be used: NAME.json what its maker left out of the header, and beside
// PEFT's adapter_model.safetensors its settings.
const (
	peftFile   = "adapter_model.safetensors"
	peftConfig = "adapter_config.json"
)

// Companion is the path of the file beside a LoRA that is named after it; "" where the LoRA's own name has no ending to replace.
func Companion(lora string) string {
	name, ok := strings.CutSuffix(lora, ".safetensors")
	if !ok {
		return ""
	}
	return name + ".json"
}

// Adapter is the path of PEFT's settings for a LoRA; "" for one that PEFT has not named.
func Adapter(lora string) string {
	if filepath.Base(lora) != peftFile {
		return ""
	}
	return filepath.Join(filepath.Dir(lora), peftConfig)
}

// mostBeside bounds a file beside a LoRA, in bytes: a few settings.
const mostBeside = 1 << 20

// ReadBeside is the content of a file beside a LoRA; nil when there is none, or path is "".
func ReadBeside(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	f, err := OpenRegular(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, mostBeside+1))
	if err == nil && len(raw) > mostBeside {
		return nil, &FormatError{File: path, Reason: fmt.Sprintf("it has more than %d bytes, which no settings of a LoRA have", mostBeside)}
	}
	return raw, err
}

// BesideDigest is that of the files beside a LoRA, "sha256:…"; "" when there are none.
func BesideDigest(lora string) (string, error) {
	h, any := sha256.New(), false
	for _, path := range []string{Companion(lora), Adapter(lora)} {
		raw, err := ReadBeside(path)
		if err != nil {
			return "", err
		}
		if raw != nil {
			any = true
			fmt.Fprintln(h, len(raw), path == Adapter(lora)) // which of them, whatever the LoRA is called
			h.Write(raw)
		}
	}
	if !any {
		return "", nil
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}
