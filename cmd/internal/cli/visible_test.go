package cli

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLogsAreVisible(t *testing.T) {
	in := "[ERROR] x\rTraceback:\r  File \"f\"\r\nnext\tcolumn \x1b[31mred\x07\x7f família \xff\xfe\x9b \u202eevil \u009bm \u65e5\r"
	want := "[ERROR] x\nTraceback:\n  File \"f\"\nnext\tcolumn \u241b[31mred\u2407\u2421 família \\xff\\xfe\\x9b \\u202eevil \\u009bm \u65e5\n"
	for name, r := range map[string]io.Reader{"whole": strings.NewReader(in), "byte by byte": iotest.OneByteReader(strings.NewReader(in)), "with its end": iotest.DataErrReader(strings.NewReader(in))} {
		if got, err := io.ReadAll(&visible{r: r}); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
