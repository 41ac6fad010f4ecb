package promql

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"
)

func TestBreaker(t *testing.T) {
	b := breaker{jitter: func() float64 { return 0.5 }}
	now := noon
	for range openAfter - 1 {
		if err := b.allow(now); err != nil {
			t.Fatalf("open after %d failures: %v", b.failures, err)
		}
		b.failed(now, "it is down")
		now = now.Add(time.Second)
	}
	b.failed(now, "it is down")
	if err := b.allow(now); err == nil || err.Error() != "has not answered since 12:00:00Z (it is down); it is asked again from 12:00:13Z on" {
		t.Fatalf("after %d failures: %v", openAfter, err)
	}
	b.failed(now, "asked before it opened")
	rests := []time.Duration{9 * time.Second, 18 * time.Second, 36 * time.Second, 54 * time.Second, 54 * time.Second}
	for _, rest := range rests {
		if b.until.Sub(now) != rest {
			t.Errorf("it rests for %s, want %s", b.until.Sub(now), rest)
		}
		if b.allow(now.Add(rest-1)) == nil {
			t.Error("it is asked before its rest is over")
		}
		now = now.Add(rest)
		if err := b.allow(now); err != nil {
			t.Errorf("after its rest: %v", err)
		}
		if b.allow(now) == nil {
			t.Error("two try at once")
		}
		b.failed(now, "it is down still")
	}
	_ = b.allow(b.until)
	b.answered()
	if err := b.allow(now); err != nil || b.open() || b.failures != 0 {
		t.Errorf("after an answer: %v, %+v", err, b)
	}
}

// Whatever comes, an open breaker opens again in a minute at most, one at a time
// is let through by it, and an answer always closes it.
func TestBreakerRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	b := breaker{jitter: random.Float64}
	now := noon
	for range 20_000 {
		now = now.Add(time.Duration(random.IntN(20_000)) * time.Millisecond)
		allowed := b.allow(now) == nil
		if b.open() && b.until.Sub(now) > lastRest {
			t.Fatalf("it rests for %s", b.until.Sub(now))
		}
		if !allowed {
			continue
		}
		if b.open() && b.allow(now) == nil {
			t.Fatal("two try at once")
		}
		if random.IntN(4) == 0 {
			b.answered()
			if b.open() {
				t.Fatal("open after an answer")
			}
		} else {
			b.failed(now, "x")
		}
	}
}

func TestAServerThatIsDownIsLeftAlone(t *testing.T) {
	var asked atomic.Int32
	var well atomic.Bool
	address := server(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if well.Load() {
			reply200(success("scalar", `[1,"1"]`))(w, r)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	})
	clock := testingclock.NewFakeClock(noon)
	c, err := New(at(address), NewMetrics(nil), clock)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		ask1(t, c)
	}
	if asked.Load() != openAfter {
		t.Errorf("asked %d times, want %d", asked.Load(), openAfter)
	}
	if got := ask1(t, c).Error; !strings.HasPrefix(got, "Prometheus has not answered since 12:00:00Z (Prometheus: HTTP status 502 Bad Gateway); it is asked again from 12:00:") {
		t.Errorf("error %q", got)
	}
	well.Store(true)
	clock.Step(firstRest)
	if got := ask1(t, c); got.Error != "" {
		t.Errorf("after its rest: %+v", got)
	}
}

func TestAWrongOrSlowQueryDoesNotStopTheOthers(t *testing.T) {
	for body, want := range map[string]string{
		`{"status":"error","errorType":"bad_data","error":"x"}`:                 "Prometheus: bad_data: x",
		`{"status":"error","errorType":"timeout","error":"query timed out in"}`: "Prometheus did not answer within 10s",
	} {
		c := client(t, at(server(t, replies(503, body))))
		for range 3 * openAfter {
			if got := ask1(t, c).Error; got != want {
				t.Fatalf("error %q, want %q", got, want)
			}
		}
	}
}
