package follow_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/cmd/holdfast/probe/follow"
)

// heard is what an observer was told.
type heard struct {
	began int
	ended []string
	bytes [2]int
}

func (h *heard) Began() { h.began++ }

func (h *heard) Ended(r follow.Request) {
	text := fmt.Sprint(r.Code)
	if r.GRPC != follow.NoGRPC {
		text += " " + r.GRPC.String()
	}
	if r.Took > 0 {
		text += " in " + r.Took.String()
	}
	h.ended = append(h.ended, text)
}

func (h *heard) Carried(d follow.Sender, n int) { h.bytes[d] += n }

func (h *heard) String() string {
	slices.Sort(h.ended) // streams end in no order where a connection does
	return fmt.Sprintf("%d began; %s; in %d, out %d", h.began, strings.Join(h.ended, ", "), h.bytes[follow.In], h.bytes[follow.Out])
}

// line is something that one side says, after a pause.
type line struct {
	who  follow.Sender
	text string
	wait time.Duration
}

func client(text string) line      { return line{follow.In, text, 0} }
func application(text string) line { return line{follow.Out, text, 0} }
func pause(d time.Duration) line   { return line{wait: d} }

// play has both sides say their lines in pieces of a size that next returns.
func play(lines []line, raw bool, how follow.Ending, next func() int) (*heard, follow.Kind) {
	h := &heard{}
	c := follow.NewConversation(h, raw)
	now := time.Unix(1700000000, 0)
	for _, l := range lines {
		now = now.Add(l.wait)
		for said := []byte(l.text); len(said) > 0; {
			n := min(len(said), next())
			piece := slices.Clone(said[:n])
			if l.who == follow.In {
				c.Client(piece, now)
			} else {
				c.Application(piece, now)
			}
			clear(piece) // it is its teller's
			said = said[n:]
		}
	}
	return h, c.End(how, now)
}
