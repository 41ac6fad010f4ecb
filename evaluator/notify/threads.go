package notify

import (
	"k8s.io/utils/lru"
)

// mostThreads is how many threads are remembered, those that were written to last.
const mostThreads = 1000

// threads are the messages of Slack that began what is told of a run, by its UID. They are known to the
// evaluator that wrote them: another begins anew.
type threads struct{ known *lru.Cache }

func newThreads() threads { return threads{lru.New(mostThreads)} }

func (t threads) find(m Message) string {
	began, ok := t.known.Get(m.about())
	if !ok || m.Run == "" {
		return ""
	}
	return began.(string)
}

// begin notes that a message was written, if none of its run was before.
func (t threads) begin(m Message, timestamp string) {
	if _, ok := t.known.Get(m.about()); !ok && m.Run != "" {
		t.known.Add(m.about(), timestamp)
	}
}
