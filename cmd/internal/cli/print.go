package cli

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

// addJSONFlag gives cmd the --json flag that emit reads.
func addJSONFlag(cmd *cobra.Command) {
	cmd.Flags().Bool("json", false, "print JSON instead of text")
}

// emit prints v as indented JSON when --json was given, else what text writes.
func emit(cmd *cobra.Command, v any, text func(w io.Writer) error) error {
	if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
		return printJSON(cmd.OutOrStdout(), v)
	}
	return text(cmd.OutOrStdout())
}

// emitList is emit for a list of n: of an empty one it says on standard error what that means and what to do next, and prints no
// head of a table that has no rows.
func emitList(cmd *cobra.Command, v any, n int, empty string, text func(w io.Writer) error) error {
	return emit(cmd, v, func(w io.Writer) error {
		if n == 0 {
			_, err := fmt.Fprintln(cmd.ErrOrStderr(), empty)
			return err
		}
		return text(w)
	})
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table prints rows in aligned columns under an upper-case head.
func table(w io.Writer, head []string, rows [][]string) error {
	out := bufio.NewWriterSize(w, 64<<10) // tabwriter writes every cell by itself
	tw := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, strings.ToUpper(strings.Join(head, "\t")))
	for _, r := range rows {
		for i := range r {
			r[i] = printable(r[i])
		}
		fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	return cmp.Or(tw.Flush(), out.Flush())
}

// printable replaces what would steer the terminal: anybody who may submit a job writes its prompt.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case steers(r):
			return replacement()
		}
		return r
	}, s)
}

// steers says whether a terminal takes a character for an order: a control character, or one that turns the text around.
func steers(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// emitRemoved says that something is gone.
func emitRemoved(cmd *cobra.Command, what, id string) error {
	return emit(cmd, map[string]string{"removed": id}, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, what, "removed")
		return err
	})
}

// aName refuses what would make another address of a path.
func aName(what, s string) error {
	if s == "" || s == "." || s == ".." {
		return usage(fmt.Errorf("%q is not %s", s, what))
	}
	return nil
}

// notBoth refuses --json where a clip goes to standard output.
func notBoth(cmd *cobra.Command, to string) error {
	if asJSON, _ := cmd.Flags().GetBool("json"); asJSON && to == "-" {
		return usage(errors.New("--json and -o - both write to standard output: name a file"))
	}
	return nil
}

// ago says how long t lies back, as "12s" or "3h4m"; "-" for the zero time.
func ago(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return span(time.Since(t))
}

// span shortens a duration to what a person reads in a table; "-" for zero.
func span(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	s := d.Round(time.Second).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
