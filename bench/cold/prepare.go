package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// prepare deploys a function for every question and starts it a few times.
func (b *bench) prepare(ctx context.Context) error {
	echo, err := b.server.BuildEcho(ctx, b.dir)
	if err != nil {
		return err
	}
	states, err := b.server.States(ctx, b.report)
	if err != nil {
		return err
	}
	for _, state := range states {
		if err := b.deploy(ctx, string(state), echo, state); err != nil {
			return fmt.Errorf("%s: %w", state, err)
		}
	}
	return b.prepareImages(ctx, echo)
}

// prepareImages does it with images of other sizes. Plain processes have none.
func (b *bench) prepareImages(ctx context.Context, echo harness.Echo) error {
	switch {
	case b.images == "":
		return nil
	case echo.Layout() == "":
		b.report.Note("images by size: left out, plain processes have no image")
		return nil
	}
	for size := range strings.SplitSeq(b.images, ",") {
		larger, err := b.server.Pad(ctx, echo, b.dir, size)
		if err != nil {
			return fmt.Errorf("an image of %s: %w", size, err)
		}
		if err := b.deploy(ctx, "image_"+harness.ShortSize(size), larger, harness.Absent); err != nil {
			return fmt.Errorf("an image of %s: %w", size, err)
		}
	}
	return nil
}

func (b *bench) deploy(ctx context.Context, name string, e harness.Echo, state harness.State) error {
	if err := b.server.Deploy(ctx, function(name), e, state.Set()); err != nil {
		return err
	}
	first, err := b.server.FirstByte(ctx, function(name), state, []byte("{}"))
	if err != nil {
		return err
	}
	b.asked = append(b.asked, question{name, first})
	for range b.warmup {
		if _, err := first.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// imageRatio compares the largest image with the smallest, which has nothing but the function.
func (b *bench) imageRatio() {
	if last := b.asked[len(b.asked)-1].name; strings.HasPrefix(last, "image_") {
		b.report.Ratio(last+"_over_smallest", last+"_first_byte_p50_ms", "absent_first_byte_p50_ms")
	}
}
