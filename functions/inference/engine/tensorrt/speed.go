package tensorrt

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"

	"github.com/containerd/errdefs"
)

// Speed is how long a plan takes for its runs of a clip, and how long the other engine took for them. It lies beside the plan as
// JSON with its own checksum: what is damaged costs a measurement and no build.
type Speed struct {
	Plan    string  `json:"plan"`    // checksum of the plan that was timed, as Checksum gives it
	Against string  `json:"against"` // whose seconds Other are, and on which GPU
	Clip    string  `json:"clip"`    // that both would make
	Runs    float64 `json:"runs"`    // of the graph for that clip; 0: it does without the graph
	Seconds float64 `json:"seconds"` // the plan's
	Other   float64 `json:"other_seconds"`
	Sum     string  `json:"crc32c,omitempty"` // of all this
}

const (
	speedEnding = ".speed"
	maxSpeed    = 64 << 10 // bytes
)

// speedPath is where the speed of the plan at path lies. The same plan of TensorRT-RTX runs on several GPUs, and drivers and the
// other engine change: each has a file.
func speedPath(path, against string) string {
	id := sha256.Sum256([]byte(against))
	return path + "." + hex.EncodeToString(id[:6]) + speedEnding
}

// KeepSpeed writes down how fast the plan s.Plan was, which was read from path. FailedPrecondition: another is there by now.
func KeepSpeed(path string, s Speed) error {
	if _, err := stillThere(path, s.Plan); err != nil {
		return err
	}
	at := speedPath(path, s.Against)
	var err error
	s.Against, s.Clip = readable(s.Against), readable(s.Clip)
	if s.Sum, err = s.sum(); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return storeWhole(at, append(raw, '\n'))
}

// KnownSpeed is how fast the plan at path was against another engine. NotFound: nobody has timed it so, or it was another plan
// then. DataLoss: it is not what was written.
func KnownSpeed(path, against string) (s Speed, err error) {
	f, err := facts(path)
	if err != nil {
		return s, err
	}
	at := speedPath(path, against)
	raw, err := readSmall(at, maxSpeed)
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("plan %s was not timed against %s: %w", path, against, errdefs.ErrNotFound)
	}
	if err != nil {
		return s, fmt.Errorf("read how fast a plan is: %w", err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return Speed{}, fmt.Errorf("%s is no JSON (%w): %w", at, err, errdefs.ErrDataLoss)
	}
	if sum, err := s.sum(); err != nil || sum != s.Sum || !s.sound() {
		return Speed{}, fmt.Errorf("%s is not what was written there: %w", at, errdefs.ErrDataLoss)
	}
	if s.Against != readable(against) || s.Plan != f.Sum {
		return Speed{}, fmt.Errorf("%s is of another plan: %w", at, errdefs.ErrNotFound)
	}
	return s, nil
}

// sound says whether these can be seconds.
func (s Speed) sound() bool {
	for _, v := range []float64{s.Runs, s.Seconds, s.Other} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return false
		}
	}
	return (s.Runs > 0) == (s.Seconds > 0) && (s.Runs > 0) == (s.Other > 0)
}

// sum is the checksum of all but itself.
func (s Speed) sum() (string, error) {
	s.Sum = ""
	raw, err := json.Marshal(s)
	return fmt.Sprintf("%08x", crc32.Checksum(raw, castagnoli())), err
}
