package cli

import (
	"fmt"
	"io"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// builtBundle is what models build prints.
type builtBundle struct {
	Path    string  `json:"path"`
	Name    string  `json:"name"`
	Family  string  `json:"family"`
	Digest  string  `json:"digest"`
	Files   int     `json:"files"`
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
	// What most of the weights are held as, and why where --quant did not say; the licence that they are under.
	Precision string           `json:"precision,omitempty"`
	Chosen    string           `json:"precision_chosen,omitempty"`
	License   *weights.License `json:"license,omitempty"`
	// What the diffusion transformer computes in on a GPU, and why where --activations did not say; empty without graphs for one.
	Activations string `json:"activations,omitempty"`
	Because     string `json:"activations_chosen,omitempty"`
	// Of a bundle with LoRAs: the bytes that it does not share with its base, and what it was made of.
	Own     int64            `json:"own_bytes,omitempty"`
	Derived *weights.Derived `json:"derived,omitempty"`
}

func (b builtBundle) print(w io.Writer) error {
	if b.Derived != nil {
		_, err := fmt.Fprintf(w, "%s: %s bundle %s%s with LoRAs (%d), %s of its own and %s shared with its base, %s in %.1f s\n%s",
			b.Path, b.Family, b.Name, held(b.Precision), len(b.Derived.LoRAs), bytesText(b.Own), bytesText(b.Bytes-b.Own), b.Digest, b.Seconds, toAccept(b.License))
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %s bundle %s%s, %d files, %s, %s in %.1f s\n%s",
		b.Path, b.Family, b.Name, held(b.Precision), b.Files, bytesText(b.Bytes), b.Digest, b.Seconds, toAccept(b.License))
	return err
}

// held says what a bundle's weights are held as, after its name.
func held(precision string) string {
	switch precision {
	case "":
		return ""
	case "none":
		precision = "float32"
	}
	return " in " + precision
}

// toAccept is a line on a licence that who serves the model has to accept, and how; nothing of others.
func toAccept(l *weights.License) string {
	if l.Open() {
		return ""
	}
	at := ""
	if l.Link != "" {
		at = " (" + printable(l.Link) + ")"
	}
	return fmt.Sprintf("licence: %s%s; who serves it accepts that in function.yaml: model.acceptLicense: %[1]s\n", printable(l.Name), at)
}
