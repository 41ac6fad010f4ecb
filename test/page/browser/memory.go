package browser

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
)

// Memory is what a tab holds when all is collected that nobody needs: its scripts' heap in bytes, and how
// many nodes and listeners.
type Memory struct{ Heap, Nodes, Listeners float64 }

// Memory collects what nobody needs, and counts the rest.
func (t *Tab) Memory() Memory {
	t.t.Helper()
	var m Memory
	t.do("measure memory", heapprofiler.CollectGarbage(), performance.Enable(), chromedp.ActionFunc(func(ctx context.Context) error {
		used, _, _, _, err := runtime.GetHeapUsage().Do(ctx)
		if err != nil {
			return fmt.Errorf("heap: %w", err)
		}
		m.Heap = used
		metrics, err := performance.GetMetrics().Do(ctx)
		if err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
		for _, of := range metrics {
			switch of.Name {
			case "Nodes":
				m.Nodes = of.Value
			case "JSEventListeners":
				m.Listeners = of.Value
			}
		}
		return nil
	}))
	return m
}

// Unrecorded has the browser keep nothing of what the tab asks for and is answered, which it does for tools
// of developers: that would grow.
func (t *Tab) Unrecorded() {
	t.t.Helper()
	t.do("record nothing", network.Disable())
}

// Memory is what all processes of the browser hold for themselves, in bytes.
func (b *Browser) Memory() (float64, error) {
	var processes []*systeminfo.ProcessInfo
	err := chromedp.Run(b.ctx, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		processes, err = systeminfo.GetProcessInfo().Do(cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser))
		return err
	}))
	if err != nil {
		return 0, fmt.Errorf("list the processes of the browser: %w", err)
	}
	sum := 0.0
	for _, p := range processes {
		own, err := anonymous(p.ID)
		if err != nil {
			return 0, err
		}
		sum += own
	}
	return sum, nil
}

// anonymous is the memory of a process that no file has, in bytes; none of one that has ended meanwhile.
func anonymous(pid int64) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the memory of a process of the browser: %w", err)
	}
	for line := range bytes.Lines(status) {
		if rest, is := bytes.CutPrefix(line, []byte("RssAnon:")); is {
			number, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
			kib, err := strconv.ParseFloat(string(number), 64)
			return kib * 1024, err
		}
	}
	return 0, fmt.Errorf("process %d of the browser does not say its memory", pid)
}
