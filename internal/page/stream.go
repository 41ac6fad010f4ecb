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

const (
	// restTime is the least time between two messages with cards: changes meanwhile come together.
	restTime = 250 * time.Millisecond
	// beatTime is how often a stream says that it is alive, and checkTime how often it is asked anew whether the
	// person may see what it sends.
	beatTime  = 10 * time.Second
	checkTime = 30 * time.Second
	// mostUnsure is how many checks in a row may not find that out: then the stream ends, and the tab comes
	// again.
	mostUnsure = 4
	// writeTime is how long a message may take to be taken; a tab that takes longer comes again.
	writeTime = 20 * time.Second
	// batch is how many cards a message has at most.
	batch = 50
)

// hello is the first message of a stream.
type hello struct {
	Who   string `json:"who"`
	Local bool   `json:"local"`
	Now   int64  `json:"now"`
	// Keys are all runs that the person sees: what else a tab has is gone.
	Keys []string `json:"keys"`
	// Resumed says that what a tab has is good but for what comes.
	Resumed bool `json:"resumed"`
}

// news is what has changed.
type news struct {
	Cards []view.Card `json:"cards,omitempty"`
	Gone  []string    `json:"gone,omitempty"`
}

// beat says that the stream is alive.
type beat struct {
	Now     int64  `json:"now"`
	Trouble string `json:"trouble,omitempty"`
}

// farewell is the last message of a stream that is not to be opened again as it is.
type farewell struct {
	Problem string `json:"problem"`
}

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

// stream sends cards as they change, until the tab goes or its person may no longer see them.
func (s *server) stream(w http.ResponseWriter, r *http.Request, v *Visitor) {
	leave := s.streams.take(v.ID)
	if leave == nil {
		s.fail(w, r, refusal{http.StatusTooManyRequests, fmt.Sprintf("too many tabs are open: of one person at most %d, of all %d; close some", mostOfOne, mostStreams)})
		return
	}
	defer leave()
	s.Metrics.count(kindStream, answerOK)
	s.Metrics.follows(1)
	defer s.Metrics.follows(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // proxies pass it on at once
	f := &flow{server: s, out: http.NewResponseController(w), w: w, r: r, v: v, sees: map[string]bool{}}
	_ = f.out.SetReadDeadline(time.Time{})
	if err := f.run(r.Context()); err != nil {
		_ = f.send("end", "", farewell{err.Error()})
	}
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

var errGone = errors.New("the tab has gone")

func nilIfGone(err error) error {
	if errors.Is(err, errGone) || errors.Is(err, context.Canceled) {
		return nil
	}
	_, says := codeOf(err)
	return errors.New(says)
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

// maySee asks once for each namespace, until it is asked anew.
func (f *flow) maySee(ctx context.Context, namespace string) (bool, error) {
	if sees, known := f.sees[namespace]; known {
		return sees, nil
	}
	sees, err := f.v.Sees(ctx, namespace)
	if err == nil {
		f.sees[namespace] = sees
	}
	return sees, err
}

// check asks anew who the person is and what they may see. What cannot be found out stays as it was, for a
// while.
func (f *flow) check(ctx context.Context, w *watcher) error {
	switch err := f.askAnew(ctx, w); {
	case err == nil:
		f.unsure = 0
	case !errors.Is(err, ErrBusy):
		return err
	default:
		if f.unsure++; f.unsure >= mostUnsure {
			return err
		}
	}
	return f.tell(ctx, w)
}

func (f *flow) askAnew(ctx context.Context, w *watcher) error {
	v, err := f.enter(ctx, f.r)
	if err != nil {
		return err
	}
	f.v = v
	var unsure error
	for namespace, saw := range f.sees {
		sees, err := v.Sees(ctx, namespace)
		if err != nil {
			unsure = err
		}
		if err != nil || sees == saw {
			continue
		}
		f.sees[namespace] = sees
		var keys []string
		for _, key := range f.Board.keys() {
			if namespaceOf(key) == namespace {
				keys = append(keys, key)
			}
		}
		if !sees {
			if err := f.send("news", "", news{Gone: keys}); err != nil {
				return err
			}
			continue
		}
		w.again(keys)
	}
	return unsure
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

func sorted(changed map[string]*v1alpha1.CanaryRun) []string {
	keys := make([]string, 0, len(changed))
	for key := range changed {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
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
