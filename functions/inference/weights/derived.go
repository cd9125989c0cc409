package weights

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Derived says what a bundle was made of that stores only what it changes of another one. The other's files lie in its folder
// as hard links: their bytes are on the disk, and in memory, once.
type Derived struct {
	Base  string `json:"base"`  // digest of the other bundle
	LoRAs []LoRA `json:"loras"` // sorted
}

// LoRA is one that was merged into a bundle's weights.
type LoRA struct {
	Name      string  `json:"name"`             // of its file, without the ending
	Digest    string  `json:"digest"`           // of its file
	Beside    string  `json:"beside,omitempty"` // of the files beside it that say how it is to be used; "": there were none
	Strength  float64 `json:"strength"`         // not zero
	Component string  `json:"component"`        // of the checkpoint
}

// Sort gives the LoRAs one order, whatever the order was in which they were asked for: their sum is the same.
func (d *Derived) Sort() {
	slices.SortFunc(d.LoRAs, func(a, b LoRA) int {
		return cmp.Or(strings.Compare(a.Component, b.Component), strings.Compare(a.Digest, b.Digest), strings.Compare(a.Beside, b.Beside), cmp.Compare(a.Strength, b.Strength))
	})
}

// Made says whether a bundle that is derived so is what was asked for by contents and strengths. Which component a LoRA changes
// may have been left to its file, and one file may change several.
func (d Derived) Made(asked Derived) bool {
	matches := func(have, want LoRA) bool {
		return have.Digest == want.Digest && have.Beside == want.Beside && have.Strength == want.Strength && (want.Component == "" || want.Component == have.Component)
	}
	for _, want := range asked.LoRAs {
		if !slices.ContainsFunc(d.LoRAs, func(have LoRA) bool { return matches(have, want) }) {
			return false
		}
	}
	return d.Base == asked.Base && !slices.ContainsFunc(d.LoRAs, func(have LoRA) bool {
		return !slices.ContainsFunc(asked.LoRAs, func(want LoRA) bool { return matches(have, want) })
	})
}

// Key is the address of a derived bundle by its content: the base's digest, and every LoRA's with its strength. Names do not
// count.
func (d Derived) Key() string {
	d.LoRAs = slices.Clone(d.LoRAs)
	d.Sort()
	for i := range d.LoRAs {
		d.LoRAs[i].Name = ""
	}
	raw, err := json.Marshal(d)
	if err != nil {
		return "" // numbers and text
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16])
}

// Own is the size of the files that a bundle does not share with its base.
func (m Manifest) Own() (n int64) {
	for _, f := range m.Files {
		if !f.Shared {
			n += f.Size
		}
	}
	return n
}

// SealDerived is Seal for a folder in which some files are hard links of a verified bundle's: those are not read again. The
// result counts as verified, and so does the base, whose files' change times the links have moved.
func SealDerived(ctx context.Context, dir string, m Manifest, base *Bundle, o VerifyOptions) (Manifest, error) {
	m.linked = map[string]FileEntry{}
	for _, f := range base.Files {
		if sameFile(filepath.Join(dir, f.Path), filepath.Join(base.Dir, f.Path)) {
			f.Shared = true
			m.linked[f.Path] = f
		}
	}
	m, err := Seal(ctx, dir, m, nil)
	if err != nil {
		return m, err
	}
	return m, errors.Join(base.Remember(o), (&Bundle{Manifest: m, Dir: dir}).Remember(o))
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// Remember records that every file is known to be right as it lies: for whoever has just written or linked it.
func (b *Bundle) Remember(o VerifyOptions) error {
	if o.RecordDir == "" {
		o.RecordDir = RecordDir()
	}
	print, right, err := fingerprint(b.Dir, b.Manifest)
	if err != nil || !right {
		return err
	}
	b.Fingerprint = print
	return errors.Join(os.MkdirAll(o.RecordDir, 0o755), os.WriteFile(filepath.Join(o.RecordDir, print), nil, 0o644))
}

// sourceName is a file beside bundle.json that is no part of the bundle: where the checkpoint lies that it was built from.
const sourceName = "source.json"

type source struct {
	Checkpoint string `json:"checkpoint"` // an absolute path
}

// RememberCheckpoint notes where a bundle's checkpoint lies, so that LoRAs can be merged into it later.
func RememberCheckpoint(bundle, checkpoint string) error {
	abs, err := filepath.Abs(checkpoint)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(source{abs})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(bundle, sourceName), append(raw, '\n'), 0o644)
}

// CheckpointOf is where the checkpoint of the bundle in dir lies, as far as it is known: "" when it is not, or has gone.
func CheckpointOf(dir string) string {
	raw, err := os.ReadFile(filepath.Join(dir, sourceName))
	if err != nil {
		return ""
	}
	var s source
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	if _, err := os.Stat(filepath.Join(s.Checkpoint, "model_index.json")); err != nil {
		return ""
	}
	return s.Checkpoint
}
