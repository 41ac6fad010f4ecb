package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Tab is a tab of a browser. It remembers what the page complains of and which hosts it asks.
type Tab struct {
	t   testing.TB
	ctx context.Context
	// Close closes the tab.
	Close context.CancelFunc
	// at is where the mouse is.
	at [2]float64

	mu         sync.Mutex
	complaints []string
	asked      []string
}

// Tab opens a tab that is this large.
func (b *Browser) Tab(t testing.TB, width, height int64) *Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	tab := &Tab{t: t, ctx: ctx, Close: cancel}
	if err := chromedp.Run(ctx); err != nil { // the first one has no deadline: with it the tab would end
		t.Fatalf("open a tab: %v", err)
	}
	chromedp.ListenTarget(ctx, tab.hear)
	tab.do("open a tab", network.Enable(), log.Enable(), runtime.Enable(), chromedp.EmulateViewport(width, height))
	return tab
}

func (t *Tab) hear(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		t.complaints = append(t.complaints, "exception: "+e.ExceptionDetails.Error())
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError {
			t.complaints = append(t.complaints, e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		t.asked = append(t.asked, e.Request.URL)
	}
}

func (t *Tab) do(what string, actions ...chromedp.Action) {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, waitTime)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.t.Fatalf("%s: %v\nthe page complains: %s", what, err, strings.Join(t.Complaints(), "\n"))
	}
}

// Complaints are what the console has of errors.
func (t *Tab) Complaints() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string{}, t.complaints...)
}

// Asked are the addresses of all requests.
func (t *Tab) Asked() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string{}, t.asked...)
}

// Open opens an address.
func (t *Tab) Open(address string) {
	t.t.Helper()
	t.do("open "+address, chromedp.ActionFunc(func(ctx context.Context) error {
		_, _, problem, _, err := page.Navigate(address).Do(ctx)
		if err == nil && problem != "" {
			err = errors.New(problem)
		}
		return err
	}))
}

// Dark has the page be looked at in dark mode, or not.
func (t *Tab) Dark(is bool) {
	t.t.Helper()
	value := "light"
	if is {
		value = "dark"
	}
	t.do("set the colours", emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}}))
}

// Size makes the window this large.
func (t *Tab) Size(width, height int64) {
	t.t.Helper()
	t.do("resize", chromedp.EmulateViewport(width, height))
}

// Click clicks an element, which must be there and to be seen.
func (t *Tab) Click(selector string) {
	t.t.Helper()
	t.do("click "+selector, page.BringToFront(), chromedp.Click(selector, chromedp.ByQuery, chromedp.NodeVisible))
}

// Press puts the mouse onto an element and its button down; Release lets it go where it is.
func (t *Tab) Press(selector string) {
	t.t.Helper()
	t.do("bring it to the front", page.BringToFront())
	t.at = Eval[[2]float64](t, fmt.Sprintf("(() => { const r = document.querySelector(%q).getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()", selector))
	t.do("press "+selector, input.DispatchMouseEvent(input.MousePressed, t.at[0], t.at[1]).WithButton(input.Left).WithClickCount(1))
}

// Release ends what Press began.
func (t *Tab) Release() {
	t.t.Helper()
	t.do("release", input.DispatchMouseEvent(input.MouseReleased, t.at[0], t.at[1]).WithButton(input.Left).WithClickCount(1))
}

// Move moves the mouse a little, with no button down.
func (t *Tab) Move() {
	t.t.Helper()
	t.at[0]++
	t.do("move", input.DispatchMouseEvent(input.MouseMoved, t.at[0], t.at[1]))
}

// Away takes the mouse to where nothing is.
func (t *Tab) Away() {
	t.t.Helper()
	t.do("take the mouse away", input.DispatchMouseEvent(input.MouseMoved, 0, 0))
}

// Keys types as a person does, wherever the focus is.
func (t *Tab) Keys(text string) { t.t.Helper(); t.do("type", chromedp.KeyEvent(text)) }

// Write writes into a field, at once as who pastes: each key of a token would be an errand of its own.
func (t *Tab) Write(selector, text string) {
	t.t.Helper()
	t.do("write into "+selector, chromedp.Focus(selector, chromedp.ByQuery, chromedp.NodeVisible), input.InsertText(text))
}

// Eval is the value of an expression, as JSON has it.
func Eval[T any](t *Tab, expression string) T {
	t.t.Helper()
	var raw []byte
	t.do("evaluate "+expression, chromedp.Evaluate(expression, &raw, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	var out T
	if err := json.Unmarshal(raw, &out); err != nil {
		t.t.Fatalf("evaluate %s: %v in %s", expression, err, raw)
	}
	return out
}

// Await waits until an expression is true.
func (t *Tab) Await(expression string) {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, waitTime)
	defer cancel()
	if err := chromedp.Run(ctx, chromedp.Poll(expression, nil, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(waitTime))); err != nil {
		t.t.Fatalf("wait until %s: %v\nat %s it says: %s\nthe page complains: %s", expression, err, Eval[string](t, "location.hash"), shortened(t.Text("body")), strings.Join(t.Complaints(), "\n"))
	}
}

// AwaitText waits until an element says something.
func (t *Tab) AwaitText(selector, text string) {
	t.t.Helper()
	t.Await(fmt.Sprintf("(%s).includes(%q)", said(selector), text))
}

// Text is what is to be read in an element.
func (t *Tab) Text(selector string) string {
	t.t.Helper()
	return Eval[string](t, said(selector))
}

// said is the text of an element that is to be seen, also where it is far below the window, or its tab behind
// another: there a browser draws nothing.
func said(selector string) string {
	return fmt.Sprintf("[document.querySelector(%q)].filter((e) => e?.checkVisibility()).map((e) => e.textContent).join('')", selector)
}

// Shoot takes a picture of the window.
func (t *Tab) Shoot(file string) {
	t.t.Helper()
	var picture []byte
	t.do("take a picture", chromedp.CaptureScreenshot(&picture))
	if err := os.WriteFile(file, picture, 0o644); err != nil { //nolint:gosec // a picture for everybody
		t.t.Fatal(err)
	}
}

// Rests waits for so many milliseconds of the page's own time: for pictures, and to see that nothing comes.
func (t *Tab) Rests(milliseconds int) {
	t.t.Helper()
	Eval[bool](t, fmt.Sprintf("new Promise((done) => setTimeout(() => done(true), %d))", milliseconds))
}

// Width is how wide the page is, which may be more than its window.
func (t *Tab) Width() int {
	t.t.Helper()
	return Eval[int](t, "document.documentElement.scrollWidth")
}

// Focused is what has the focus, as a person would call it.
func (t *Tab) Focused() string {
	t.t.Helper()
	return Eval[string](t, "(document.activeElement?.dataset.key || document.activeElement?.id || document.activeElement?.innerText || '').trim()")
}

// shortened is what of a page is told when a test fails: how it begins and how it ends, where the run is that
// is open.
func shortened(text string) string {
	const most = 1000
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' }), " | ")
	if len(text) <= 2*most {
		return text
	}
	return text[:most] + " … " + text[len(text)-most:]
}
