// Package browser drives Debian's Chromium, without a window, for tests of the page.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/chromedp/chromedp"
)

// Install has Chromium be there: the Debian package chromium, installed by apt-get where it is missing.
func Install(ctx context.Context) (string, error) {
	if path, err := exec.LookPath("chromium"); err == nil {
		return path, nil
	}
	fmt.Fprintln(os.Stderr, "browser: installing the Debian packages chromium and fonts-dejavu-core, once")
	for _, command := range [][]string{{"apt-get", "update", "-q"}, {"apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium", "fonts-dejavu-core"}} {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("install chromium by %q (tests of the page need it): %w\n%s", command, err, out)
		}
	}
	return exec.LookPath("chromium")
}

// Browser is a Chromium with a profile of its own.
type Browser struct{ ctx context.Context }

// Start starts one, which stop ends and leaves nothing of.
func Start(ctx context.Context) (b *Browser, stop func(), err error) {
	path, err := Install(ctx)
	if err != nil {
		return nil, nil, err
	}
	profile, err := os.MkdirTemp("", "holdfast-page-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a profile: %w", err)
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(profile),
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true),
		// Of tabs behind others Chromium slows the timers, and a test looks at several.
		chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("disable-renderer-backgrounding", true), chromedp.Flag("disable-backgrounding-occluded-windows", true),
		// A click that comes before the first picture of a page Chromium drops, without a word: nobody has seen
		// what to click. A test finds it in the document before.
		chromedp.Flag("allow-pre-commit-input", true),
		chromedp.Flag("enable-precise-memory-info", true), chromedp.Flag("js-flags", "--expose-gc"),
		chromedp.Flag("ignore-certificate-errors", true), // those of servers of tests
		chromedp.WindowSize(1280, 800),
	}
	allocator, endAll := chromedp.NewExecAllocator(ctx, options...)
	own, end := chromedp.NewContext(allocator)
	stop = func() {
		end()
		endAll()
		_ = os.RemoveAll(profile)
	}
	if err := chromedp.Run(own); err != nil {
		stop()
		return nil, nil, fmt.Errorf("start chromium: %w", err)
	}
	return &Browser{own}, stop, nil
}

// waitTime is how long a page may take for what a test waits for.
const waitTime = 20 * time.Second
