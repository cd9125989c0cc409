// Command compare tells whether two results differ: for every figure that was measured in rounds, both medians with their
// 95 % confidence intervals and benchstat's test (Mann-Whitney U). Its exit status is 0, also when they differ; with -agree
// it is 1 when a figure's medians lie outside each other's intervals.
//
// With -trees it makes the results itself: the bench programs of two checkouts in alternating rounds. Then what counts is the
// ratio of each round to its neighbour's, in which load that comes and goes cancels out; APART means that one lies outside
// the interval of their median.
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
	var p pairing
	p.flags(flag.CommandLine)
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: compare [-agree] OLD.json NEW.json\n       compare [-agree] -trees [-only NAMES] [-tiny] [-driver D] [-save DIR] OLD-CHECKOUT NEW-CHECKOUT")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	judge := run
	if p.trees {
		judge = p.run
	}
	apart, err := judge(os.Stdout, flag.Arg(0), flag.Arg(1))
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
	return print(w, a, b, compare(a, b))
}

func print(w io.Writer, a, b *suite.Results, rows []row) (apart int, err error) {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(tw, "figure\t%s\t%s\tchange\tp\tintervals\n", a.Commit, b.Commit)
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
