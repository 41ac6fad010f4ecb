package notify

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"holdfast.dev/holdfast/internal/plaintext"
)

// rejection is an answer of a receiver that did not take a message.
type rejection struct {
	status string
	says   string
	// isFinal says that the same message would be refused again; after is how long the receiver wants to be left
	// alone.
	isFinal bool
	after   time.Duration
}

func (r *rejection) Error() string {
	return fmt.Sprintf("the receiver answers %s: %s", r.status, r.says)
}

// read says what an answer means. What a client did wrong it would do wrong again; a receiver that is busy,
// or does not know yet who asks, may take it later.
func (s *sender) read(m Message, resp *http.Response, answer []byte) error {
	r := &rejection{status: resp.Status, says: plaintext.Line(string(answer), 200), after: retryAfter(resp)}
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		if s.notifier.Slack != nil && s.notifier.Slack.TokenFile != "" {
			return s.readSlack(m, r, answer)
		}
		return nil
	case code >= 300 && code < 400:
		r.says, r.isFinal = "it sends on to elsewhere, where Holdfast does not go; name that URL", true
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusNotFound, code == http.StatusRequestTimeout, code == http.StatusTooManyRequests:
	case code >= 400 && code < 500:
		r.isFinal = true
	}
	return r
}

// readSlack reads the answer of chat.postMessage, which says in its body whether the message was taken.
func (s *sender) readSlack(m Message, r *rejection, answer []byte) error {
	var said struct {
		OK        bool   `json:"ok"`
		Error     string `json:"error"`
		Timestamp string `json:"ts"`
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		r.says = "no answer of Slack's API: " + r.says
		return r
	}
	if !said.OK {
		r.says = plaintext.Line(said.Error, 200)
		r.isFinal = said.Error == "msg_too_long" || said.Error == "no_text"
		return r
	}
	s.threads.begin(m, said.Timestamp)
	return nil
}

// longestAfter is the longest that a receiver is left alone for, whatever it asks for.
const longestAfter = 5 * time.Minute

func retryAfter(resp *http.Response) time.Duration {
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, longestAfter)
}
