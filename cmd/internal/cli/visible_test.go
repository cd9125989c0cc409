package cli

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLogsAreVisible(t *testing.T) {
	in := "[ERROR] x\rTraceback:\r  File \"f\"\r\nnext\tcolumn \x1b[31mred\x07\x7f família\r"
	want := "[ERROR] x\nTraceback:\n  File \"f\"\nnext\tcolumn \u241b[31mred\u2407\u2421 família\n"
	for name, r := range map[string]io.Reader{"whole": strings.NewReader(in), "byte by byte": iotest.OneByteReader(strings.NewReader(in)), "with its end": iotest.DataErrReader(strings.NewReader(in))} {
		if got, err := io.ReadAll(&visible{r: r}); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
