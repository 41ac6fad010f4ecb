package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/page/view"
)

// flow is a stream to a tab.
type flow struct {
	*server
	out  *http.ResponseController
	w    http.ResponseWriter
	r    *http.Request
	v    *Visitor
	sees map[string]bool
	// unsure is how many checks in a row could not find out what the person may see.
	unsure int
}

// run ends with an error that the tab is to be told, or without when nobody listens.
func (f *flow) run(ctx context.Context) error {
	mark := f.r.URL.Query().Get("after")
	w, resumed := f.Board.follow(mark)
	defer w.stop()
	if err := f.greet(ctx, resumed); err != nil {
		return nilIfGone(err)
	}
	beats, checks := f.Clock.NewTicker(beatTime), f.Clock.NewTicker(checkTime)
	defer beats.Stop()
	defer checks.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-beats.C():
			err = f.send("beat", "", f.beat())
		case <-checks.C():
			err = f.check(ctx, w)
		case <-w.news:
			err = f.tell(ctx, w)
		}
		if err != nil {
			return nilIfGone(err)
		}
	}
}

func (f *flow) beat() beat {
	b := beat{Now: f.Clock.Now().UnixMilli()}
	if f.Trouble != nil {
		b.Trouble = f.Trouble()
	}
	return b
}

func (f *flow) greet(ctx context.Context, resumed bool) error {
	first := hello{Who: f.v.Name, Local: f.Local, Now: f.Clock.Now().UnixMilli(), Resumed: resumed, Keys: []string{}}
	for _, key := range f.Board.keys() {
		sees, err := f.maySee(ctx, namespaceOf(key))
		if err != nil {
			return err
		}
		if sees {
			first.Keys = append(first.Keys, key)
		}
	}
	slices.Sort(first.Keys)
	if err := f.send("hello", "", first); err != nil {
		return err
	}
	return f.send("beat", "", f.beat())
}

// tell sends what has changed, and rests: more changes come together.
func (f *flow) tell(ctx context.Context, w *watcher) error {
	changed, mark := w.look()
	var out news
	flush := func(id string) error {
		if len(out.Cards) == 0 && len(out.Gone) == 0 && id == "" {
			return nil
		}
		err := f.send("news", id, out)
		out = news{}
		return err
	}
	for _, key := range sorted(changed) {
		sees, err := f.maySee(ctx, namespaceOf(key))
		if err != nil {
			return err
		}
		switch run := changed[key]; {
		case !sees:
		case run == nil:
			out.Gone = append(out.Gone, key)
		default:
			out.Cards = append(out.Cards, view.CardOf(run))
		}
		if len(out.Cards) >= batch {
			if err := flush(""); err != nil {
				return err
			}
		}
	}
	if err := flush(mark); err != nil { // with the mark of all that was sent
		return err
	}
	select {
	case <-ctx.Done():
	case <-f.Clock.After(restTime):
	}
	return nil
}

// send writes a message, and has gone where it is not taken in time.
func (f *flow) send(event, id string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode %s: %w", event, err)
	}
	_ = f.out.SetWriteDeadline(time.Now().Add(writeTime))
	if id != "" {
		id = "id: " + id + "\n"
	}
	if _, err := fmt.Fprintf(f.w, "event: %s\n%sdata: %s\n\n", event, id, text); err != nil {
		return errGone
	}
	if err := f.out.Flush(); err != nil {
		return errGone
	}
	return nil
}

func sorted(changed map[string]*v1alpha1.CanaryRun) []string {
	keys := make([]string, 0, len(changed))
	for key := range changed {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func nilIfGone(err error) error {
	if errors.Is(err, errGone) || errors.Is(err, context.Canceled) {
		return nil
	}
	_, says := codeOf(err)
	return errors.New(says)
}

var errGone = errors.New("the tab has gone")
