// Package browsertest runs a real browser, headless, for the tests of any room.
package browsertest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Wanted skips a test where no browser was asked for.
func Wanted(t testing.TB) {
	t.Helper()
	if os.Getenv("VIDEOSDGX_TEST_BROWSER") == "" {
		t.Skip("NOT TESTED: set VIDEOSDGX_TEST_BROWSER=1 to run the tests in a browser (make test does)")
	}
}

// Open starts a browser of a test's own, which ends with the test and at the latest after limit. The context is chromedp's.
func Open(t testing.TB, limit time.Duration) context.Context {
	t.Helper()
	Wanted(t)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	ctx, stop, err := Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return ctx
}

// Start starts a browser that plays videos without being asked by a hand, with other flags besides. stop ends it.
func Start(ctx context.Context, flags ...chromedp.ExecAllocatorOption) (browser context.Context, stop func(), err error) {
	path, err := Find()
	if err != nil {
		return nil, nil, err
	}
	all, endAll := chromedp.NewExecAllocator(ctx, append([]chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Headless, chromedp.Flag("autoplay-policy", "no-user-gesture-required")}, flags...)...)
	browser, end := chromedp.NewContext(all)
	stop = func() { end(); endAll() }
	if err := chromedp.Do(browser); err != nil {
		stop()
		return nil, nil, err
	}
	return browser, stop, nil
}

// Find gives the path of the Chromium that tests use.
func Find() (string, error) {
	for _, name := range []string{os.Getenv("VIDEOSDGX_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path, nil
		}
	}
	return "", errors.New("there is no Chromium: make setup-test installs it, or name one in VIDEOSDGX_CHROMIUM")
}

// Playing gives where the video of a page is, in seconds, and has it play where the browser has paused it.
func Playing(t testing.TB, browser context.Context) float64 {
	t.Helper()
	at, err := chromedp.Run(browser, chromedp.Evaluate[float64](`(v => {
		if (!v) return 0;
		if (v.paused && !v.ended) v.play().catch(() => 0);
		return v.currentTime })(document.querySelector('video'))`))
	if err != nil {
		t.Fatal(err)
	}
	return at
}
