package view

// Event is something that was told of a run.
type Event struct {
	At      int64  `json:"at"`
	Warning bool   `json:"warning,omitempty"`
	Reason  string `json:"reason"`
	Says    string `json:"says"`
	Count   int32  `json:"count,omitempty"`
}

// StoredEvent is an event as the API server has it.
type StoredEvent struct {
	At                    int64
	Type, Reason, Message string
	Count                 int32
}

// EventOf is an event for the page.
func EventOf(e StoredEvent) Event {
	return Event{At: e.At, Warning: e.Type == "Warning", Reason: short(e.Reason), Says: line(e.Message), Count: e.Count}
}
