package page

import (
	"fmt"
	"net/http"
	"time"

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
