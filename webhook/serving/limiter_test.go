package serving

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

const ownUser = "system:serviceaccount:holdfast-system:holdfast"

func testLimiter() *Limiter { return newLimiter(ownUser, NewMetrics(prometheus.NewRegistry()), 2) }

// crowd sends requests to a handler that answers when it is told to.
type crowd struct {
	t        *testing.T
	lock     sync.Mutex // what sleeps in a bubble wakes together
	limiter  *Limiter
	handler  http.Handler
	timeout  string // of the requests that are sent
	inside   map[string]bool
	answered map[string]int
	goOn     map[string]chan bool
}

func newCrowd(t *testing.T) *crowd {
	c := &crowd{t: t, limiter: testLimiter(), timeout: "5s", inside: map[string]bool{}, answered: map[string]int{}, goOn: map[string]chan bool{}}
	c.handler = c.limiter.Limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[1:]
		c.set(name, true)
		if body, err := io.ReadAll(r.Body); err != nil || !strings.HasPrefix(string(body), `{"request":`) || !strings.HasSuffix(string(body), "}") {
			c.t.Errorf("%s: the handler reads %.40q…, %v", name, body, err)
		}
		select {
		case <-c.goOn[name]:
		case <-r.Context().Done():
		}
		c.set(name, false)
	}))
	return c
}

func (c *crowd) set(name string, inside bool) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.inside[name] = inside
}

// send sends a request of so many bytes about an object of namespace "shop"; -1 is one
// that does not say how many.
func (c *crowd) send(name, user string, size int) { c.sendOf("shop", name, user, size) }

func (c *crowd) sendOf(namespace, name, user string, size int) {
	c.sendText(name, reviewStart(namespace, user), size)
}

func reviewStart(namespace, user string) string {
	return fmt.Sprintf(`{"request":{"uid":"1","namespace":%q,"userInfo":{"username":%q},"object":"`, namespace, user)
}

func (c *crowd) sendText(name, start string, size int) {
	body := start + strings.Repeat("x", max(0, size-len(start)-3)) + `"}}`
	req := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/"+name+"?timeout="+c.timeout, strings.NewReader(body))
	if size < 0 {
		req.ContentLength = -1
	}
	c.goOn[name] = make(chan bool)
	go func() {
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, req)
		c.lock.Lock()
		defer c.lock.Unlock()
		c.answered[name] = w.Code
	}()
	synctest.Wait()
}

func (c *crowd) finish(name string) {
	close(c.goOn[name])
	synctest.Wait()
}

func (c *crowd) want(when string, inside ...string) {
	c.t.Helper()
	synctest.Wait()
	c.lock.Lock()
	defer c.lock.Unlock()
	wanted := map[string]bool{}
	for _, name := range inside {
		wanted[name] = true
	}
	for name, is := range c.inside {
		if is && !wanted[name] {
			c.t.Errorf("%s: %s is being answered", when, name)
		}
	}
	for name := range wanted {
		if !c.inside[name] {
			c.t.Errorf("%s: %s is not being answered", when, name)
		}
	}
}

func TestLargeRequestsWaitForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.send("first", "jane", 2<<20)
		c.send("second", "jane", 2<<20)
		c.send("unknown", "jane", -1)
		c.want("no room for two", "first")
		c.send("small", "jane", 2<<10)
		c.send("check", ownUser, 2<<20)
		c.want("usual requests and Holdfast's own do not wait", "first", "small", "check")
		c.send("another-check", ownUser, 2<<20)
		c.want("Holdfast's own have no more room than others", "first", "small", "check")
		c.finish("first")
		c.want("in the order of coming", "second", "small", "check")
		c.finish("second")
		c.want("one of unknown length is alone", "unknown", "small", "check")
		c.send("third", "jane", 300<<10)
		c.want("one of unknown length is alone", "unknown", "small", "check")
		for _, name := range []string{"unknown", "small", "check"} {
			c.finish(name)
		}
		c.want("all have a slot", "third", "another-check")
		c.finish("third")
		c.finish("another-check")
		c.send("huge", "jane", MaxRequest-1)
		c.want("what is larger than all room is answered, alone", "huge")
		c.finish("huge")
	})
}

func TestManySmallRequestsHaveBoundsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		var all []string
		for i := range 11 {
			all = append(all, fmt.Sprint("small-", i))
			c.sendOf(fmt.Sprint("shop-", i), all[i], "jane", 200<<10)
		}
		c.want("two mebibytes at once", all[:10]...)
		for _, name := range all {
			c.finish(name)
		}
	})
}

// TestANamespaceLeavesRoomForOthers: however many requests of one namespace wait, one of
// another is answered beside them at once, large or small, and so is its check.
func TestANamespaceLeavesRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, size := range map[string]int{"large": 1 << 20, "small": 200 << 10, "tiny": 2 << 10} {
			c := newCrowd(t)
			overdue := map[string]int{"large": 1, "small": 5, "tiny": 8}[name]
			var users, checks []string
			for i := range 80 {
				users, checks = append(users, fmt.Sprint("user-", i)), append(checks, fmt.Sprint("check-", i))
				c.sendOf("hog", users[i], "jane", size)
				c.sendOf("hog", checks[i], ownUser, size)
			}
			c.want(name+" ones of the hog are answered one by one", users[0], checks[0])
			time.Sleep(longWait)
			inside := append(slices.Clone(users[:overdue]), checks[:overdue]...)
			c.want("those that are overdue have half of the room, "+name, inside...)
			c.sendOf("shop", "mine", "joe", size)
			c.sendOf("shop", "my-check", ownUser, size)
			c.want("another namespace does not wait, "+name, append(inside, "mine", "my-check")...)
			for _, done := range append(append(users, checks...), "mine", "my-check") {
				c.finish(done)
			}
		}
	})
}

// TestAnnotationsDoNotMakeARequestHoldfastsOwn: who asks is the user of the request, whatever
// else its text says.
func TestAnnotationsDoNotMakeARequestHoldfastsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.send("first", "jane", 2<<20)
		c.send("check", ownUser, 2<<20)
		for name, start := range map[string]string{
			"a name":        `{"request":{"name":"\"username\":\"` + ownUser + `\"","namespace":"shop","userInfo":{"username":"jane"},"object":"`,
			"an annotation": `{"request":{"namespace":"shop","userInfo":{"username":"jane"},"object":{"metadata":{"annotations":{"username":"` + ownUser + `"}}},"x":"`,
			"a field":       `{"request":{"username":"` + ownUser + `","namespace":"shop","userInfo":{"username":"jane"},"object":"`,
			"an extra":      `{"request":{"namespace":"shop","userInfo":{"extra":{"username":["` + ownUser + `"]},"username":"jane"},"object":"`,
		} {
			c.sendText("forged", start, 2<<20)
			c.want(name+" makes nothing Holdfast's own", "first", "check")
			c.finish("first")
			c.want("it is answered as the user's", "forged", "check")
			c.finish("forged")
			c.send("first", "jane", 2<<20)
		}
		c.finish("first")
		c.finish("check")
	})
}

// TestARequestWaitsAsLongAsTheAPIServerDoes, the time in which it is answered with it.
func TestARequestWaitsAsLongAsTheAPIServerDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.send("first", "jane", 3<<20)
		time.Sleep(2 * time.Second)
		c.send("second", "jane", 3<<20)
		time.Sleep(2 * time.Second)
		c.finish("first")
		c.want("a slot in time", "second")
		c.send("third", "jane", 3<<20)
		time.Sleep(4 * time.Second)
		c.want("the time of the second is over", "third")
		c.finish("third")
		c.timeout = "9s"
		c.send("patient", "jane", 3<<20)
		c.timeout = "5s"
		c.send("fourth", "jane", 3<<20)
		time.Sleep(6 * time.Second)
		c.want("the time of the fourth is over", "patient")
		c.finish("patient")
		if c.answered["fourth"] != http.StatusServiceUnavailable {
			t.Errorf("answered with %d", c.answered["fourth"])
		}
		if n := testutil.ToFloat64(c.limiter.metrics.unanswered.WithLabelValues("large")); n != 1 {
			t.Errorf("%v are counted as not answered, want 1", n)
		}
	})
}

// TestWhoSendsSlowlyKeepsNobodyWaiting: usual requests are let in when all of them is there.
func TestWhoSendsSlowlyKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		give := c.sendParts("", 20, headSize)
		c.send("usual", "jane", 30<<10)
		c.want("it is answered beside them", "usual")
		c.finish("usual")
		if refused := give(); refused > 0 {
			t.Errorf("%d were refused", refused)
		}
		c.want("what did not come whole is answered by nobody")
	})
}

// TestTextThatComesHasBoundsToo: of requests that never come whole so many are read, others are
// refused at once; those of other namespaces and Holdfast's own are answered, and the room is given
// back.
func TestTextThatComesHasBoundsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each = 200 << 10
		c := newCrowd(t)
		give := c.sendParts("", 2*textAtOnce/each, each)
		c.send("own", ownUser, 30<<10)
		c.send("usual", "jane", smallRequest)
		c.want("others are answered", "own", "usual")
		c.finish("own")
		c.finish("usual")
		if refused := give(); refused < 3*textAtOnce/2/each {
			t.Errorf("%d were refused", refused)
		}
		c.sendOf("", "again", "jane", smallRequest)
		c.want("there is room again", "again")
		c.finish("again")
	})
}

// TestWhoComesLaterFindsRoomForText: namespaces that fill all they may, one after another, leave
// some for the next one.
func TestWhoComesLaterFindsRoomForText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each = 128 << 10
		c := newCrowd(t)
		for _, hog := range []string{"hog-1", "hog-2", "hog-3", "hog-4"} {
			give := c.sendParts(hog, textAtOnce/each, each)
			defer give()
		}
		c.sendOf("shop", "mine", "joe", smallRequest)
		c.want("it is answered beside them", "mine")
		c.finish("mine")
	})
}

// sendParts sends so many requests of a namespace ("" says none), and so many bytes of each. They
// end by give, which says how many had been refused.
func (c *crowd) sendParts(namespace string, requests, bytes int) (give func() (refused int64)) {
	text := strings.Repeat("x", bytes)
	if namespace != "" {
		start := reviewStart(namespace, "jane")
		text = start + text[len(start):]
	}
	ctx, cancel := context.WithCancel(context.Background())
	var refused atomic.Int64
	for range requests {
		body, more := io.Pipe()
		go func() { _, _ = more.Write([]byte(text)) }()
		context.AfterFunc(ctx, func() { more.CloseWithError(io.ErrUnexpectedEOF) })
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/part", body)
		req.ContentLength = smallRequest
		go func() {
			w := httptest.NewRecorder()
			if c.handler.ServeHTTP(w, req); strings.Contains(w.Body.String(), "too many waiting requests at once") {
				refused.Add(1)
			}
		}()
	}
	synctest.Wait()
	return func() int64 {
		n := refused.Load()
		cancel()
		synctest.Wait()
		return n
	}
}

// TestNobodyKeepsASlotBySendingSlowly: who says how much will come and does not
// send it.
func TestNobodyKeepsASlotBySendingSlowly(t *testing.T) {
	server := httptest.NewServer(testLimiter().Limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "read: %v", err)
	})))
	t.Cleanup(server.Close)
	body, more := io.Pipe()
	defer more.Close()
	go func() { _, _ = more.Write([]byte(strings.Repeat("x", headSize))) }()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/?timeout=100ms", body)
	req.RequestURI, req.ContentLength = "", 3<<20
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(answer), "timeout") {
		t.Errorf("answer %q, %v", answer, err)
	}
}
