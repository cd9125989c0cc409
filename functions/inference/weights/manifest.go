package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
)

// The names that make a folder a bundle.
const (
	ManifestName  = "bundle.json"
	bundleFormat  = "videosdgx-bundle"
	bundleVersion = 2 // graphs named by engine; version 1 knew only the CPU's
	oldestVersion = 1
)

// Manifest is a bundle's bundle.json: what the bundle is and the digest of every file in it.
type Manifest struct {
	Format   string                     `json:"format"`             // "videosdgx-bundle"
	Version  int                        `json:"version"`            // of the format
	Family   string                     `json:"family"`             // of the model, such as "wan21"
	Name     string                     `json:"name"`               // of this model, such as "wan21-tiny"
	Source   map[string]string          `json:"source,omitempty"`   // what it was built from
	Configs  map[string]json.RawMessage `json:"configs,omitempty"`  // by component
	Defaults json.RawMessage            `json:"defaults,omitempty"` // of a request
	Schema   json.RawMessage            `json:"schema,omitempty"`   // of a request, JSON Schema
	License  *License                   `json:"license,omitempty"`  // of the weights; nil: the checkpoint names none
	// Precision names what most of the weights are held as: "none" (float32), "bf16", "fp8", "nf4"…
	Precision string `json:"precision,omitempty"`
	// Chosen is why it is that one, where the family has one for each kind of GPU and none was asked for.
	Chosen string `json:"precision_chosen,omitempty"`
	// Activations is what the graphs of a diffusion transformer for a GPU compute in, "fp16", "bf16" or "float32", and why where that was
	// left to the family; empty where there are none, or where they are older than the choice, and BF16.
	Activations       string `json:"activations,omitempty"`
	ActivationsChosen string `json:"activations_chosen,omitempty"`

	Derived *Derived    `json:"derived,omitempty"` // nil: the bundle stands by itself
	Held    []Held      `json:"held,omitempty"`    // by a clip of the default size, of any length
	Files   []FileEntry `json:"files"`             // sorted by path
	Digest  string      `json:"digest"`            // of this manifest with an empty digest

	linked map[string]FileEntry // what Seal need not read
}

// Held is memory that a clip keeps on the device between the runs of a graph, at its most.
type Held struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// FileEntry is one file of a bundle.
type FileEntry struct {
	Path   string `json:"path"` // relative to the bundle, with slashes
	Size   int64  `json:"size"` // bytes
	Digest string `json:"digest"`
	Shared bool   `json:"shared,omitempty"` // with the bundle that this one is derived from: a hard link
}

// digest is over the compact JSON without the digest itself, so that indentation does not matter.
func (m Manifest) digest() string {
	m.Digest = ""
	raw, err := json.Marshal(m)
	if err != nil {
		return "" // a RawMessage that is no JSON: matches no digest
	}
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// HeldAs is the precision, and why where the GPU decided: "nvfp4 (auto: the GPU has compute capability 12.1)".
func (m Manifest) HeldAs() string {
	if m.Chosen == "" {
		return m.Precision
	}
	return m.Precision + " (" + m.Chosen + ")"
}

// ComputesIn is the activations, and why: "fp16 (auto: this family is published to run in FP16)"; empty where the manifest says none.
func (m Manifest) ComputesIn() string {
	if m.ActivationsChosen == "" {
		return m.Activations
	}
	return m.Activations + " (" + m.ActivationsChosen + ")"
}

// Bytes is the size of all files.
func (m Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// ReadManifest reads and checks the bundle.json of dir, without looking at the other files.
func ReadManifest(dir string) (Manifest, error) {
	path := filepath.Join(dir, ManifestName)
	raw, err := readManifest(path)
	if err != nil {
		return Manifest{}, fmt.Errorf("%s is no bundle (`videosdgx models build` makes one): %w", dir, err)
	}
	var m Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, &FormatError{File: path, Reason: fmt.Sprintf("not valid JSON: %v", err)}
	}
	return m, m.check(path)
}

// mostManifest is the length of a bundle.json, in bytes, that is a hundred times any that is built.
const mostManifest = 16 << 20

func readManifest(path string) ([]byte, error) {
	f, err := OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, mostManifest+1))
	if err == nil && len(raw) > mostManifest {
		err = &FormatError{File: path, Reason: fmt.Sprintf("longer than %d MiB", mostManifest>>20)}
	}
	return raw, err
}

func (m Manifest) check(path string) error {
	switch {
	case m.Format != bundleFormat:
		return &FormatError{File: path, Reason: fmt.Sprintf("format is %q, not %q", m.Format, bundleFormat)}
	case m.Version < oldestVersion || m.Version > bundleVersion:
		return &FormatError{File: path, Reason: fmt.Sprintf("format version %d, this program reads %d to %d: build the bundle again", m.Version, oldestVersion, bundleVersion)}
	case m.digest() != m.Digest:
		return &DigestError{File: path, Expected: m.Digest, Found: m.digest()}
	}
	listed, total := map[string]bool{}, int64(0)
	for _, f := range m.Files {
		switch {
		case !filepath.IsLocal(f.Path) || filepath.Clean(f.Path) == "." || strings.ContainsRune(f.Path, 0) || f.Size < 0:
			return &FormatError{File: path, Reason: fmt.Sprintf("%q is no file of a bundle", f.Path)}
		case listed[f.Path]:
			return &FormatError{File: path, Reason: fmt.Sprintf("%q is listed twice", f.Path)}
		case f.Size > math.MaxInt64-total:
			return &FormatError{File: path, Reason: fmt.Sprintf("%q of %d bytes is larger than any file", f.Path, f.Size)}
		}
		listed[f.Path] = true
		total += f.Size
	}
	return m.checkHeld(path)
}

// checkHeld: what a clip holds is added to what its stages take, and decides whether they fit.
func (m Manifest) checkHeld(path string) error {
	total := int64(0)
	for _, h := range m.Held {
		if h.Bytes < 0 || h.Bytes > math.MaxInt64-total {
			return &FormatError{File: path, Reason: fmt.Sprintf("%d bytes cannot be what a clip holds of %q: build the bundle again", h.Bytes, h.Name)}
		}
		total += h.Bytes
	}
	return nil
}

func (m Manifest) write(dir string) error {
	return replaceFile(filepath.Join(dir, ManifestName), m.encode)
}

func (m Manifest) encode(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(m)
}

// Length is the bytes that bundle.json will have once the files that m lists are sealed: digests may be missing yet.
func (m Manifest) Length() int64 {
	m.Format, m.Version, m.Digest = bundleFormat, bundleVersion, Manifest{}.digest()
	m.Files = slices.Clone(m.Files)
	for i := range m.Files {
		m.Files[i].Digest = m.Digest
	}
	var raw bytes.Buffer
	if m.encode(&raw) != nil {
		return 0 // a RawMessage that is no JSON: it cannot be sealed
	}
	return int64(raw.Len())
}
