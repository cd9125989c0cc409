// Command compare tells whether two results differ: for every figure that was measured in rounds, both medians with their
// 95 % confidence intervals and benchstat's test (Mann-Whitney U). Its exit status is 0, also when they differ; with -agree
// it is 1 when a figure's medians lie outside each other's intervals.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/videosdgx/videosdgx/bench/suite"
)

func main() {
	agree := flag.Bool("agree", false, "fail unless each figure's intervals overlap")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: compare [-agree] OLD.json NEW.json")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	apart, err := run(os.Stdout, flag.Arg(0), flag.Arg(1))
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/compare:", err)
		os.Exit(2)
	}
	if *agree && apart > 0 {
		os.Exit(1)
	}
}

func run(w io.Writer, before, after string) (apart int, err error) {
	a, err := suite.Load(before)
	if err != nil {
		return 0, err
	}
	b, err := suite.Load(after)
	if err != nil {
		return 0, err
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(tw, "figure\t%s\t%s\tchange\tp\tintervals\n", a.Commit, b.Commit)
	rows := compare(a, b)
	for _, r := range rows {
		fmt.Fprintln(tw, r)
		if r.apart {
			apart++
		}
	}
	if a.Machine != b.Machine {
		fmt.Fprintf(tw, "note: two machines: %s; %s\n", a.Machine, b.Machine)
	}
	fmt.Fprintf(tw, "%d figures, intervals of %d apart\n", len(rows), apart)
	return apart, tw.Flush()
}
