package promql

import (
	"context"
	"net/http"
	"testing"
	"time"
)

// Every way of asking takes its turn as one of the namespace it is asked for.
func TestQueriesTakeTurnsOfTheirNamespace(t *testing.T) {
	var c *Client
	var seen int
	address := server(t, func(w http.ResponseWriter, r *http.Request) {
		c.slots.mu.Lock()
		seen += c.slots.queue.underWay["shop"]
		c.slots.mu.Unlock()
		reply200(success("matrix", `[]`))(w, r)
	})
	c = client(t, at(address))
	shop, ctx := c.AsNamespace("shop"), context.Background()
	for want, ask := range []func() error{
		func() error { _, err := shop.Query(ctx, "up", noon); return err },
		func() error {
			_, err := shop.QueryRange(ctx, "up", noon, noon.Add(time.Minute), time.Second)
			return err
		},
		func() error { _, err := shop.QuerySamples(ctx, "up[1m]", noon); return err },
	} {
		if err := ask(); err != nil || seen != want+1 {
			t.Errorf("after %d queries: %d were the shop's, %v", want+1, seen, err)
		}
	}
	if left := len(c.slots.queue.underWay); left > 0 {
		t.Errorf("%d namespaces still have a turn", left)
	}
}
